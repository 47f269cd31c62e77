//! A guide: how to write programs with this crate, and what is good to know before.
//!
//! | page | about |
//! |---|---|
//! | [`first_program`] | direct reads, with the lines for `Cargo.toml` |
//! | [`buffers`] | owned or borrowed buffers, several types of them, your own type |
//! | [`pools`] | where buffers come from when there are many requests |
//! | [`short_transfers`] | ends of files, short reads and writes, requests to repeat |
//! | [`errors`] | `?`, the errno, the explanation, what was rejected |
//! | [`durability`] | writes, then syncs; what may be lost, and when |
//! | [`processes`] | signals, `fork`, threads, the end of a program |
//! | [`event_loops`] | epoll, tokio, futures, and polls as requests |
//! | [`without_std`] | no std, no allocator, no C library |
//! | [`depth_and_batch`] | how many requests in flight, how many in a batch |
//! | [`when_not`] | when other interfaces are better |
//!
//! | to come from | page |
//! |---|---|
//! | libaio in C | [`from_libaio`] |
//! | the Python packages linux_aio and linux_aio_bind | [`from_python`] |
//! | the crates `io-uring` and `vmm-sys-util`, or calls by `libc` | [`from_rust`] |
//!
//! | to look up | page |
//! |---|---|
//! | every system call, by method | [`system_calls`] |
//! | what each kernel supports; limits; `fork`; sandboxes | [`kernels`] |
//! | each fault, what the crate does then, and the test for it | [`faults`] |
//! | the safety argument, for reviewers of the `unsafe` code | [`safety`] |
//!
//! # The model
//!
//! ```text
//! Request<F, B, T> ──push──▶ Batch<F, B, T, K> ──submit──▶ Context<B, T> ──reap, wait──▶ Completion<B, T>
//! what to do;                not submitted yet;            in flight;                    buffer and tag are
//! owns the buffer B          at most K, in order           the file may be closed        returned, with the result
//! ```
//!
//! * A request is made by a constructor ([`Request::read`](crate::Request::read), ...) and methods that
//!   set options. Nothing happens yet.
//! * [`submit`](crate::Context::submit) hands the requests of a batch to the kernel, by one system call.
//!   From now on the context owns buffer `B` and tag `T`. The file `F` is not needed any more.
//! * [`wait`](crate::Context::wait) and its relatives return completions, in the order in which the kernel
//!   finished: [`tag`](crate::Completion::tag) says which request it was.
//!
//! The capacity of the context is the number of requests in flight, and of completions that were not
//! taken. `K` is the length of one submission. The two are independent.
//!
//! The module exists in the documentation only.

pub mod buffers;
pub mod depth_and_batch;
pub mod durability;
pub mod errors;
pub mod event_loops;
pub mod first_program;
pub mod from_libaio;
pub mod from_rust;
pub mod pools;
pub mod processes;
pub mod short_transfers;
pub mod when_not;
pub mod without_std;

// In CommonMark, the first definition of a link counts. These lead to pages of the documentation
// instead of files.

#[doc = "[`tests/`]: https://docs.rs/crate/linux-aio/latest/source/tests/"]
#[doc = "[`src/compile_fail/`]: https://docs.rs/crate/linux-aio/latest/source/src/compile_fail/"]
#[doc = ""]
#[doc = include_str!("../../docs/PARITY.md")]
pub mod from_python {}

#[doc = include_str!("../../docs/SYSTEM_CALLS.md")]
pub mod system_calls {}

#[doc = "[SYSTEM_CALLS.md]: crate::guide::system_calls"]
#[doc = "[valgrind.supp]: https://docs.rs/crate/linux-aio/latest/source/docs/valgrind.supp"]
#[doc = ""]
#[doc = include_str!("../../docs/KERNELS.md")]
pub mod kernels {}

#[doc = include_str!("../../docs/FAULTS.md")]
pub mod faults {}

#[doc = "[`src/`]: https://docs.rs/crate/linux-aio/latest/source/src/"]
#[doc = "[KERNELS.md]: crate::guide::kernels#fork"]
#[doc = "[FAULTS.md]: crate::guide::faults"]
#[doc = "[`tests/`]: https://docs.rs/crate/linux-aio/latest/source/tests/"]
#[doc = "[`compile_fail/`]: https://docs.rs/crate/linux-aio/latest/source/src/compile_fail/"]
#[doc = "[`sys/fake/`]: https://docs.rs/crate/linux-aio/latest/source/src/sys/fake/"]
#[doc = "[`sys/conformance/`]: https://docs.rs/crate/linux-aio/latest/source/src/sys/conformance/"]
#[doc = "[`simulation/`]: https://docs.rs/crate/linux-aio/latest/source/src/simulation/"]
#[doc = ""]
#[doc = include_str!("../../docs/SAFETY.md")]
pub mod safety {}
