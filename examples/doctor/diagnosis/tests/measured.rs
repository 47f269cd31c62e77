//! From samples to histograms and judgements.

use super::*;

fn judge(outcome: &Outcome) -> Judgement {
    Judgement::of(outcome)
}

/// Of 100 requests: (done, slept), how many.
fn mixed(parts: &[(bool, bool, u32)]) -> Judgement {
    let mut samples = Samples::default();
    for &(done, slept, count) in parts {
        for _ in 0..count {
            samples.add(sample(10, 20, done, slept));
        }
    }
    judge(&Outcome::Measured(samples))
}

#[test]
fn sleep_and_early_completion_decide() {
    assert_eq!(judge(&asynchronous()), Judgement::Asynchronous);
    assert_eq!(judge(&waits()), Judgement::Waits);
    assert_eq!(judge(&inside()), Judgement::Inside);
    assert_eq!(mixed(&[(false, true, 100)]), Judgement::Blocks);
    // The first request may have to read metadata. A fast device completes some requests early.
    assert_eq!(
        mixed(&[(false, false, 60), (true, false, 35), (false, true, 5)]),
        Judgement::Asynchronous
    );
    assert_eq!(mixed(&[(false, false, 80), (true, true, 20)]), Judgement::Partly);
    // Some pages are in the cache, and some are not.
    assert_eq!(mixed(&[(true, false, 70), (true, true, 30)]), Judgement::Waits);
    assert_eq!(mixed(&[]), Judgement::Untried);
}

#[test]
fn device_thread_that_preempts_is_asynchronous() {
    let mut samples = Samples::default();
    for _ in 0..99 {
        samples.add(Sample { preempted: true, ..sample(30, 30, true, false) });
    }
    samples.add(sample(30, 30, true, true));
    assert_eq!(judge(&Outcome::Measured(samples.clone())), Judgement::Asynchronous);
    // Chance preempts some of those that io_submit executes itself.
    for _ in 0..100 {
        samples.add(sample(2, 2, true, false));
    }
    assert_eq!(judge(&Outcome::Measured(samples)), Judgement::Inside);
}

#[test]
fn failures_decide_if_they_prevail() {
    assert_eq!(judge(&fails("EINVAL")), Judgement::Fails("EINVAL".into()));
    let mut samples = samples(10, 100, false, false);
    samples.add_failed("EAGAIN");
    assert_eq!(judge(&Outcome::Measured(samples.clone())), Judgement::Asynchronous);
    for _ in 0..200 {
        samples.add_failed("EIO");
    }
    assert_eq!(judge(&Outcome::Measured(samples)), Judgement::Fails("EIO".into()));
}

#[test]
fn histogram_has_buckets_of_powers_of_two() {
    let mut histogram = Histogram::default();
    for ns in [0, 249, 250, 999, 1000, 1_000_000, u64::MAX] {
        histogram.add(Duration::from_nanos(ns));
    }
    let buckets: Vec<_> = histogram.buckets().iter().map(|b| (b.below_ns, b.count)).collect();
    assert_eq!(buckets, [(250, 2), (500, 1), (1000, 1), (2000, 1), (1_024_000, 1), (u64::MAX, 1)]);
    assert_eq!((histogram.total(), histogram.count(250), histogram.count(750)), (7, 2, 0));
}

#[test]
fn percentile_lies_in_its_bucket() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.percentile(50), Duration::ZERO);
    for us in 1..=100 {
        histogram.add(Duration::from_micros(us));
    }
    for (percent, from, to) in [(1, 1, 2), (50, 32, 64), (99, 64, 100), (100, 100, 100)] {
        let found = histogram.percentile(percent);
        let [from, to] = [from, to].map(Duration::from_micros);
        assert!(from <= found && found <= to, "{percent} %: {found:?}");
    }
}

#[test]
fn durations_are_short() {
    for (ns, text) in [
        (0, "0.0 µs"),
        (4_249, "4.2 µs"),
        (999_999, "999.9 µs"),
        (1_350_000, "1.3 ms"),
        (2_000_000_000, "2.0 s"),
    ] {
        assert_eq!(Short(Duration::from_nanos(ns)).to_string(), text);
    }
}
