//! [`Operation`]: one step of a program.

/// What a program does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Makes a request and pushes it.
    Push(Push),
    /// Takes the next request out of the batch.
    Pop,
    /// Empties the batch.
    Clear,
    /// Submits the batch.
    Submit,
    /// Makes a request and submits it alone.
    SubmitOne(Push),
    /// Takes completions, but at most so many.
    Reap { take: u8 },
    /// Takes one completion, waiting for it so long; if it is short, its rest, or the request again, is
    /// pushed.
    TakeOne { span: Span, then: Then },
    /// Waits for some, and takes at most so many.
    Wait { min: u8, span: Span, take: u8 },
    /// Waits with a signal mask.
    WaitMasked { min: u8, take: u8 },
    /// Cancels one of those in flight, or tries again what was cancelled last.
    Cancel { nth: u8, again: bool },
    /// Cancels one of those in flight by its tag.
    CancelTag { nth: u8 },
    /// The kernel does some of its work, or all it can.
    Progress { all: bool },
    /// Something can be read from the pipe that is polled; or nothing any more.
    Pipe { filled: bool },
    /// Asks whether there are completions.
    Look,
    /// Turns the ring on or off.
    Ring { on: bool },
    /// Sets an eventfd for all requests, or none.
    Notify { on: bool },
    /// Moves the handle.
    Move,
    /// Enters a scope for the next steps.
    Scope { steps: u8, panics: bool },
    /// Ends the context, by `close` or drop, and makes another; where `io_destroy` is forbidden,
    /// perhaps.
    End { by_drop: bool, forbidden: bool },
    /// Leaks the context, and makes another.
    Leak,
    /// Forks, and lets the child try everything.
    Fork,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Push {
    /// What it is to do.
    pub(super) what: What,
    /// Where in the file.
    pub(super) offset: u16,
    /// Which part of the buffer.
    pub(super) start: u8,
    /// How much of it.
    pub(super) len: u8,
    /// Whether it notifies.
    pub(super) notify: bool,
}

/// What a request is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Reads from a file.
    Read,
    /// Writes to a place in a file that no other request writes to.
    Write,
    /// Syncs a file.
    Sync,
    /// Polls a pipe.
    Poll,
    /// Something that the kernel refuses.
    Bad(Bad),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// A write to a file that is open for reading: `EBADF`.
    Mode,
    /// A file that is not open: `EBADF`.
    Closed,
    /// A directory: `EINVAL`.
    Directory,
    /// An offset that is negative: `EINVAL`.
    Offset,
    /// A flag that nobody knows: `EOPNOTSUPP`.
    Flag,
    /// A file to notify by that is no eventfd: `EINVAL`.
    Eventfd,
}

/// What becomes of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is dropped.
    Drop,
    /// What is left of it is pushed, from a multiple of so many bytes on.
    Rest { alignment: u8 },
    /// The same request is pushed again.
    Again,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Not at all.
    Zero,
    /// Some microseconds.
    Short(u8),
    /// As long as a number can say.
    Longest,
    /// Without end.
    Forever,
}

impl Operation {
    /// What eight bytes say. All bytes say something.
    pub(super) fn of(bytes: &[u8; 8]) -> Self {
        let [kind, a, b, c, d, e, ..] = *bytes;
        match kind % 52 {
            0..=13 => Self::Push(Push::of([a, b, c, d, e])),
            14 => Self::Pop,
            15..=19 => Self::Submit,
            20 | 21 => Self::Reap { take: a % 8 },
            22..=24 => Self::Wait { min: a % 8, span: Span::of(b), take: c % 8 },
            25 => Self::WaitMasked { min: a % 4, take: b % 8 },
            26 | 27 => Self::Cancel { nth: a % 8, again: b.is_multiple_of(4) },
            28..=30 => Self::Progress { all: a.is_multiple_of(3) },
            31 => Self::Pipe { filled: !a.is_multiple_of(3) },
            32 => Self::Look,
            33 => Self::Ring { on: !a.is_multiple_of(3) },
            34 => Self::Notify { on: a.is_multiple_of(2) },
            35 => Self::Move,
            36 | 37 => Self::Scope { steps: a % 16, panics: b.is_multiple_of(4) },
            38 => Self::End { by_drop: a.is_multiple_of(2), forbidden: b.is_multiple_of(4) },
            39..=41 => Self::SubmitOne(Push::of([a, b, c, d, e])),
            42..=49 => Self::TakeOne { span: Span::of(a), then: Then::of(b) },
            50 => Self::CancelTag { nth: a % 8 },
            _ => match a % 4 {
                0 => Self::Leak,
                1 => Self::Clear,
                _ => Self::Fork,
            },
        }
    }
}

impl Push {
    fn of([what, low, high, range, notify]: [u8; 5]) -> Self {
        let what = match what % 16 {
            0..=4 => What::Read,
            5..=8 => What::Write,
            9 => What::Sync,
            10..=12 => What::Poll,
            _ => What::Bad(match what / 16 % 6 {
                0 => Bad::Mode,
                1 => Bad::Closed,
                2 => Bad::Directory,
                3 => Bad::Offset,
                4 => Bad::Flag,
                _ => Bad::Eventfd,
            }),
        };
        let start = range % 16;
        Self {
            what,
            offset: u16::from_le_bytes([low, high]) % 600,
            start,
            len: range / 16 * 3,
            notify: notify.is_multiple_of(4),
        }
    }
}

impl Then {
    const fn of(byte: u8) -> Self {
        match byte % 8 {
            0 => Self::Drop,
            1 => Self::Again,
            2 => Self::Rest { alignment: byte / 8 },
            _ => Self::Rest { alignment: 1 },
        }
    }
}

impl Span {
    const fn of(byte: u8) -> Self {
        match byte % 4 {
            0 => Self::Zero,
            1 => Self::Short(byte),
            2 => Self::Longest,
            _ => Self::Forever,
        }
    }
}
