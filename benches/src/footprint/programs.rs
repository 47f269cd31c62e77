//! The programs, and how they are linked.

use crate::built::{cargo, here, nolibc, run, target};
use anyhow::{Context as _, Result, ensure};
use std::{env::consts::ARCH, fs, path::PathBuf, process::Command};

/// A program that was built.
pub(super) struct Program {
    /// The name in tables.
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
}

/// The header of libaio: all that a program needs of it, besides the library.
const LIBAIO_HEADER: &str = "/usr/include/libaio.h";

/// Builds all programs that can be built here. Returns also why the others cannot take part.
pub(super) fn all() -> Result<(Vec<Program>, Vec<String>)> {
    let program = |name, path| Program { name, path };
    let example = target("example")?;
    run(&mut cargo(&here("../examples/nolibc"), &example))?;
    let mut programs = vec![
        program("linux-aio, raw layer, no libc", example.join("release/block")),
        program("linux-aio, no libc", nolibc("z")?.join("block")),
    ];
    let mut absent = Vec::new();
    match musl() {
        Ok(musl) => {
            programs.push(program("linux-aio, musl, no std", with_musl(&musl)?));
            programs.push(program("libaio, C, musl", libaio(Some(&musl))?));
        }
        Err(error) => absent.push(format!("No program with musl takes part: {error:#}.")),
    }
    programs.push(program("libaio, C, glibc", libaio(None)?));
    let std = with_std()?;
    programs.push(program("pread, std", std.join("blocking")));
    programs.push(program("linux-aio, std", std.join("aio")));
    match io_uring::IoUring::new(1) {
        Ok(_) => programs.push(program("io_uring, std", std.join("uring"))),
        Err(error) => absent.push(format!("io_uring does not take part: {error}.")),
    }
    programs.push(program("thread pool (tokio), std", std.join("pool")));
    for Program { name, path } in &programs {
        let headers = run(Command::new("readelf").args(["--program-headers", "--wide"]).arg(path))?;
        let headers = String::from_utf8_lossy(&headers);
        ensure!(!headers.contains("INTERP"), "{name} is not static");
    }
    Ok((programs, absent))
}

/// The target triple of this machine, with glibc.
fn triple() -> String {
    format!("{ARCH}-unknown-linux-gnu")
}

/// The variable for `RUSTFLAGS` of the programs only: build scripts are linked as usual.
fn flags_variable() -> String {
    format!("CARGO_TARGET_{}_RUSTFLAGS", triple().replace('-', "_").to_uppercase())
}

/// With std and the static glibc.
fn with_std() -> Result<PathBuf> {
    let place = target("std")?;
    let mut cargo = cargo(&here("footprint/std"), &place);
    cargo.args(["--target", &triple()]);
    run(cargo.env(flags_variable(), "-Ctarget-feature=+crt-static"))?;
    Ok(place.join(triple()).join("release"))
}

/// Debian's musl, unpacked but not installed.
struct Musl {
    include: PathBuf,
    lib: PathBuf,
}

fn musl() -> Result<Musl> {
    let place = target("musl")?;
    let name = format!("{ARCH}-linux-musl");
    let (include, lib) = (place.join("usr/include").join(&name), place.join("usr/lib").join(&name));
    if !lib.join("libc.a").exists() {
        let mut download = Command::new("apt-get");
        download.args(["-qq", "-o", "APT::Sandbox::User=root", "download", "musl-dev"]);
        run(download.current_dir(&place)).context("musl-dev cannot be downloaded")?;
        let package = fs::read_dir(&place)?.flatten().map(|entry| entry.path());
        let package = package.into_iter().find(|path| path.extension().is_some_and(|e| e == "deb"));
        let package = package.context("apt-get has downloaded nothing")?;
        run(Command::new("dpkg-deb").arg("-x").args([&package, &place]))?;
    }
    Ok(Musl { include, lib })
}

impl Musl {
    /// The arguments for linking with musl only, in order.
    fn link(&self) -> Vec<String> {
        let options = ["-nostdlib", "-nostartfiles", "-static", "-no-pie"].map(str::to_owned);
        let objects = ["crt1.o", "crti.o", "libc.a", "crtn.o"];
        let objects = objects.map(|file| self.lib.join(file).display().to_string());
        options.into_iter().chain(objects).collect()
    }
}

/// This crate with musl.
fn with_musl(musl: &Musl) -> Result<PathBuf> {
    let place = target("with-musl")?;
    let link = musl.link().into_iter().map(|argument| format!(" -Clink-arg={argument}"));
    let flags = "-Ctarget-feature=+crt-static -Crelocation-model=static".to_owned();
    let mut cargo = cargo(&here("footprint/musl"), &place);
    cargo.args(["--target", &triple()]);
    run(cargo.env(flags_variable(), flags + &link.collect::<String>()))?;
    Ok(place.join(triple()).join("release/block"))
}

/// libaio in C, with musl or glibc.
fn libaio(musl: Option<&Musl>) -> Result<PathBuf> {
    let place = target(if musl.is_some() { "libaio-musl" } else { "libaio-glibc" })?;
    let program = place.join("block");
    let mut cc = Command::new("cc");
    cc.args(["-Os", "-s", "-Wall", "-Werror", "-ffunction-sections", "-fdata-sections"]);
    cc.args(["-Wl,--gc-sections", "-o"]).arg(&program);
    match musl {
        None => {
            cc.arg("-static").arg(here("footprint/libaio.c")).arg("-laio");
        }
        Some(musl) => {
            // Of the headers in that folder, only libaio's own may be used.
            let header = place.join("include");
            fs::create_dir_all(&header)?;
            fs::copy(LIBAIO_HEADER, header.join("libaio.h"))
                .with_context(|| format!("{LIBAIO_HEADER} (libaio-dev) is missing"))?;
            let library = run(Command::new("cc").arg("-print-file-name=libaio.a"))?;
            let library = String::from_utf8(library)?;
            cc.args(["-nostdinc", "-fno-stack-protector", "-fno-pie", "-isystem"]);
            cc.arg(&musl.include).arg("-isystem").arg(header);
            cc.arg(here("footprint/libaio.c"));
            // libaio before the C library that it uses.
            let (options, objects) = (&musl.link()[..4], &musl.link()[4..]);
            cc.args(options).arg(&objects[0]).arg(&objects[1]).arg(library.trim());
            cc.arg(&objects[2]).arg("-lgcc").arg(&objects[3]);
        }
    }
    run(&mut cc)?;
    Ok(program)
}
