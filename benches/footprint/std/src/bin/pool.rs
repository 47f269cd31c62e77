//! Reads the block in a pool of threads, with the crate `tokio`.

use footprint::{BLOCK, path, say};
use std::io;
use tokio::{fs::File, io::AsyncReadExt as _, runtime::Builder};

fn main() -> io::Result<()> {
    let runtime = Builder::new_current_thread().build()?;
    let block = runtime.block_on(async {
        let mut block = vec![0; BLOCK];
        let bytes = File::open(path()?).await?.read(&mut block).await?;
        block.truncate(bytes);
        io::Result::Ok(block)
    })?;
    say(&block)
}
