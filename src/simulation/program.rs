//! [`Operation`]: one step of a program.

/// One step of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Makes a request and pushes it.
    Push(Push),
    /// Removes the next request from the batch.
    Pop,
    /// Clears the batch.
    Clear,
    /// Submits the batch.
    Submit,
    /// Makes a request and submits it without a batch.
    SubmitOne(Push),
    /// Takes at most `take` completions.
    Reap { take: u8 },
    /// Waits for one completion and takes it. Then pushes its rest or the same request again, or
    /// drops it.
    TakeOne { span: Span, then: Then },
    /// Waits for `min` completions, and takes at most `take`.
    Wait { min: u8, span: Span, take: u8 },
    /// Waits with a signal mask.
    WaitMasked { min: u8, take: u8 },
    /// Cancels a request in flight, or the request that was cancelled last.
    Cancel { nth: u8, again: bool },
    /// Cancels a request in flight by its tag.
    CancelTag { nth: u8 },
    /// Makes the kernel complete some or all requests that can complete.
    Progress { all: bool },
    /// Fills the pipe that is polled, or empties it.
    Pipe { filled: bool },
    /// Calls `has_completions`.
    HasCompletions,
    /// Turns the ring on or off.
    Ring { on: bool },
    /// Sets the eventfd of the context, or removes it.
    Notify { on: bool },
    /// Moves the handle.
    Move,
    /// Enters a scope for the next steps.
    Scope { steps: u8, panics: bool },
    /// Closes or drops the context, and makes another one. `forbidden`: a sandbox forbids
    /// `io_destroy`.
    End { by_drop: bool, forbidden: bool },
    /// Leaks the context, and makes another one.
    Leak,
    /// Forks, and makes calls in the child.
    Fork,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Push {
    /// The operation.
    pub(super) what: What,
    /// The offset in the file.
    pub(super) offset: u16,
    /// The start of the part of the buffer.
    pub(super) start: u8,
    /// The length of this part.
    pub(super) len: u8,
    /// Whether the request has an eventfd of its own.
    pub(super) notify: bool,
}

/// The operation of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Reads from a file.
    Read,
    /// Writes to a part of a file that no other request writes to.
    Write,
    /// Syncs a file.
    Sync,
    /// Polls a pipe.
    Poll,
    /// An invalid request, which the kernel refuses.
    Bad(Bad),
}

/// The reason why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// A write to a file that is open for reading: `EBADF`.
    Mode,
    /// A file that is not open: `EBADF`.
    Closed,
    /// A directory: `EINVAL`.
    Directory,
    /// A negative offset: `EINVAL`.
    Offset,
    /// A flag that no kernel knows: `EOPNOTSUPP`.
    Flag,
    /// An eventfd that is another file: `EINVAL`.
    Eventfd,
}

/// What a program does with a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Drops it.
    Drop,
    /// Pushes the rest of the transfer, from an offset that is a multiple of `alignment`.
    Rest { alignment: u8 },
    /// Pushes the same request again.
    Again,
}

/// The timeout of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Zero.
    Zero,
    /// A number of microseconds.
    Short(u8),
    /// `Duration::MAX`.
    Longest,
    /// None.
    Forever,
}

impl Operation {
    /// Decodes eight bytes. All bytes are valid.
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
            32 => Self::HasCompletions,
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
