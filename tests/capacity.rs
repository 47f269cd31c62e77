//! The capacity of a context is a number of the run: so many requests are outstanding at once, and no
//! more. Capacities that no kernel has are `EINVAL`. The largest ones are in `machine_wide`.

use crate::support::file_with;
use linux_aio::{Batch, Context, ContextError, Errno, Error, Request, SetupError};

/// Fills a context with reads, checks that it takes no more, and takes the completions.
fn fill(capacity: usize) {
    let file = file_with(&[7]);
    let mut cx = Context::<Vec<u8>, usize>::new(capacity).unwrap();
    assert_eq!(cx.capacity(), capacity);
    let mut batch = Batch::<_, _, _, 64>::new();
    for tag in 0..capacity {
        if batch.is_full() {
            cx.submit(&mut batch).unwrap();
            assert!(batch.is_empty());
        }
        batch.push(Request::read(&file, vec![0; 1], 0).tag(tag)).unwrap();
    }
    cx.submit(&mut batch).unwrap();
    assert_eq!((batch.len(), cx.outstanding()), (0, capacity));

    let full = cx.try_submit_one(Request::read(&file, vec![0; 1], 0).tag(capacity)).unwrap_err();
    assert_eq!((full.cause, full.request.tag_ref()), (ContextError::Full, &capacity));
    batch.push(full.request).unwrap();
    assert_eq!(cx.submit(&mut batch).unwrap(), Default::default());
    assert_eq!((batch.len(), cx.outstanding()), (1, capacity));

    let mut tags = cx.wait_all(None).unwrap().map(|done| {
        assert_eq!((done.result, done.buf), (Ok(1), vec![7]));
        done.tag
    });
    assert!((0..capacity).all(|tag| tags.next() == Some(tag)));
    assert_eq!(tags.next(), None);
}

#[test]
fn context_takes_as_many_requests_as_its_capacity() {
    for capacity in "1 2 3 62 63 64 65 127 128 1000 4096".split(' ') {
        fill(capacity.parse().unwrap());
    }
}

#[test]
fn scope_has_capacity_of_its_context() {
    let capacity: usize = "65".parse().unwrap();
    let of_scope = |cx: &mut Context<&[u8], ()>| Ok::<_, Error>(cx.capacity());
    assert_eq!(linux_aio::scope(capacity, of_scope), Ok(65));
}

/// The error of making a context, which the two ways of making one have in common.
fn error(capacity: usize) -> SetupError {
    let error = Context::<Vec<u8>, ()>::new(capacity).unwrap_err();
    let scope = linux_aio::scope(capacity, |_: &mut Context<&[u8], ()>| Ok::<_, Error>(()));
    let Err(Error::Setup(of_scope)) = scope else { panic!("{scope:?}") };
    assert_eq!((of_scope.call, of_scope.errno), (error.call, error.errno));
    error
}

#[test]
fn zero_capacity_is_einval() {
    let error = error(0);
    assert_eq!((error.call, error.errno, error.asked), ("io_setup", Errno::EINVAL, 0));
    assert_eq!(error.to_string(), "io_setup: a context of no requests: ask for one at least");
}

#[test]
fn capacity_above_kernel_maximum_is_einval() {
    for capacity in [10_000_000, u32::MAX as usize + 1, usize::MAX / 2, usize::MAX] {
        let error = error(capacity);
        assert_eq!((error.call, error.errno), ("io_setup", Errno::EINVAL), "{capacity}");
        assert_eq!(error.asked, capacity);
        assert_eq!(
            error.to_string(),
            format!(
                "io_setup: asked for {capacity} requests, more than the kernel allows in one context: \
                 EINVAL: Invalid argument (os error 22)"
            )
        );
    }
}
