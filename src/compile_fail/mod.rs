//! What must not compile. Each misuse stands beside its nearest legal neighbour, so that it is the
//! misuse that is refused and nothing else.
//!
//! The error codes are checked by a nightly toolchain, or by `RUSTC_BOOTSTRAP=1 cargo test --doc`.

mod borrows;
mod contexts;
mod files;
mod requests;
