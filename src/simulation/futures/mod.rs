//! Random programs of tasks that await futures of a driver.
//!
//! Futures are started, polled, dropped and leaked in any order; so are those that wait for room.
//! Wakers use the driver when they are cloned, woken or dropped, or panic. After each step:
//!
//! * A task whose request has completed and is held was woken once, and no other one was. No task is
//!   woken whose future is gone.
//! * If there are events to receive or tasks to wake, the eventfd is readable.
//! * If there is room, those who wait for it were woken, in the order of waiting.
//! * The counts of the driver are those of the program.
//!
//! Each completion has its own buffer, and the result that the kernel has posted. At the end, all
//! buffers, owners of files and wakers are gone, except those that were leaked.

mod check;
mod play;
mod task;
mod waker;

use super::{Played, world::World};

/// Runs a program.
pub(super) fn play(world: World, setup: [u8; 4], operations: &[[u8; 8]]) -> Played {
    waker::forget_wakers();
    let capacity = [1, 3, 8][usize::from(setup[1] % 3)];
    let played = play::Player::new(world).play(capacity, operations);
    waker::forget_wakers();
    played
}
