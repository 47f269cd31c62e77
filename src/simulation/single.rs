//! The steps with one request or one completion, without a batch.

use super::{
    buffer::{Buffer, Owner, Pool, Tag},
    driver::Level,
    program::{Push, Span, Then, What},
    world::World,
};
use crate::{
    context::{CancelResult, Context},
    error::ContextError,
    request::{RawFile, Request},
};
use std::vec::Vec;

impl<B: Buffer, P: Pool<B>> Level<B, P> {
    pub(super) fn submit_one(&mut self, world: &mut World, cx: &mut Context<B, Tag>, push: Push) {
        let had = cx.outstanding();
        let Some((request, expect)) = self.make(world, push) else { return };
        match cx.try_submit_one(request) {
            Ok(id) => {
                let (tag, refused) = (expect.tag, expect.refused(world).is_some());
                assert!(world.hostile || had < cx.capacity());
                self.oracle.submit_one(world, expect);
                let named = cx.in_flight().find(|request| request.id == id);
                assert!(named.is_none_or(|request| request.tag.number == tag), "its own id");
                let ids = cx.last_submitted().collect::<Vec<_>>();
                assert!(ids == [Some(id)] || ids == [None], "{ids:?}");
                assert!(!refused || ids == [None] || world.hostile);
            }
            Err(error) => {
                assert!(
                    world.hostile
                        || error.cause == ContextError::Again
                        || error.cause == ContextError::Full && had == cx.capacity(),
                    "{error:?}"
                );
                self.give_back(error.request, &expect);
            }
        }
    }

    pub(super) fn take_one(
        &mut self,
        world: &mut World,
        cx: &mut Context<B, Tag>,
        span: Span,
        then: Then,
    ) {
        let there = cx.outstanding();
        let timeout = self.timeout(world, 1, span);
        let mut done = match cx.wait_one(timeout) {
            Ok(Some(done)) => done,
            Ok(None) => return,
            Err(error) => return assert!(world.hostile, "{error:?}"),
        };
        assert_eq!(cx.outstanding(), there - 1);
        let expect = self.oracle.complete(world, &mut done);
        let (count, asked) = (done.result.unwrap_or(0), expect.part.len());
        // SAFETY: the number is passed to the fake kernel only, which never closes it, or refuses
        // it.
        let file = unsafe { RawFile::new(self.fd(world, expect.what), (Owner::new(), ())) };
        let again = match then {
            Then::Drop => Err(done),
            Then::Again => done.into_request(file),
            Then::Rest { alignment } => {
                done.into_rest_aligned(file, alignment.into()).map(Request::into_any)
            }
        };
        match again {
            Err(done) => {
                let aligned = matches!(then, Then::Rest { alignment: 0 | 1 });
                let transfer = done.info().opcode().is_transfer();
                assert!(!(aligned && transfer && count > 0 && count < asked), "there is a rest");
                assert!(then != Then::Again, "into_request always succeeds");
                self.pool.give_back(done.buf);
            }
            Ok(request) => {
                let range = request.info().range();
                let skipped = match then {
                    Then::Again => 0,
                    _ => range.start - expect.part.start,
                };
                assert!(skipped <= count, "no byte is left out");
                if let Then::Rest { alignment } = then {
                    assert!(skipped > 0, "there is progress");
                    let alignment = u64::from(alignment.max(1));
                    assert!(request.info().offset().is_multiple_of(alignment));
                }
                let expect = expect.after(skipped, request.buf());
                self.push_made(request, expect);
            }
        }
    }

    pub(super) fn cancel_tag(&mut self, world: &World, cx: &mut Context<B, Tag>, nth: usize) {
        let Some(&number) = self.oracle.out.keys().nth(nth) else { return };
        let in_flight = cx.in_flight().any(|request| request.tag.number == number);
        // Tags are compared by their numbers. This one is not dropped, because it is not counted.
        let tag = core::mem::ManuallyDrop::new(Tag { number });
        match cx.cancel_tag(&tag) {
            Ok(CancelResult::Cancelled) => {
                let expect = self.oracle.out.get_mut(&number).expect("in flight");
                assert!(expect.what == What::Poll || world.hostile);
                expect.cancelled = true;
            }
            Ok(CancelResult::NotCancellable) => assert!(in_flight),
            Ok(CancelResult::NotInFlight) => assert!(!in_flight),
            Err(error) => assert!(world.hostile, "{error:?}"),
        }
    }
}
