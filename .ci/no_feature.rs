//! The first program of README.md, short, compiled without the feature `std`: the first error of the
//! compiler must name the feature.

use linux_aio::{Context, PageBuf, Request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::fs::File::open("/proc/self/exe")?;
    let mut cx = Context::<PageBuf, ()>::new(1)?;
    cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 0))?;
    for done in cx.wait(1, None)? {
        println!("{} bytes", done.bytes()?);
    }
    Ok(())
}
