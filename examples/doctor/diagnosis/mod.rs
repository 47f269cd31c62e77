//! From findings to a diagnosis. Everything here is computed: nothing is opened, measured or printed.
//!
//! The modules below use no other module of the program, so that the tests of the crate can include
//! them, run their unit tests, and read the program's JSON into these types.

mod advice;
mod causes;
mod ends;
mod findings;
mod histogram;
mod judgement;
mod machine_advice;
mod notes;
#[cfg(test)]
mod tests;
mod trial;
mod verdict;

pub(crate) use advice::Advice;
pub(crate) use causes::{Cause, Short};
pub(crate) use findings::{
    Access, Alignment, Asked, Blocked, Call, Descriptor, Device, End, Filesystem, Findings,
    HugePages, Kind, Machine, Oldest, PageCache, Refusal, Subject,
};
pub(crate) use histogram::{FIRST_NS, Histogram};
pub(crate) use judgement::Judgement;
pub(crate) use trial::{Outcome, Sample, Samples, Target, Trial, Way};
pub(crate) use verdict::{Diagnosis, Reason, Verdict, diagnose};
