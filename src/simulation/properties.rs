//! Property tests: random programs must not violate the guarantees of the crate. proptest minimises
//! a failing program. Long runs use seeds instead, which is faster.
//!
//! `PROGRAMS=10000000 cargo test --release programs_from_seeds` runs ten million programs, and ten
//! million on a hostile kernel. `PROGRAMS_FROM` sets the first seed. The message of a failure
//! contains the seed.

use super::{Answer, Played, Program};
use crate::simulation::watchdog::Watchdog;
use proptest::{collection::vec, prelude::*};
use std::{
    env, eprintln,
    panic::{self, AssertUnwindSafe},
    println,
    time::Instant,
};

/// Reads a number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn program() -> impl Strategy<Value = Program> {
    let setup = any::<[u8; 4]>();
    let kernel = vec(any::<u8>(), 0..200);
    let operations = vec(any::<[u8; 8]>(), 0..80);
    (setup, kernel, operations).prop_map(|(setup, kernel, operations)| Program {
        setup,
        kernel,
        operations,
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 8 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn guarantees_hold(program in program()) {
        static WATCHDOG: Watchdog = Watchdog::new("guarantees_hold, case number");
        let _watched = WATCHDOG.watch(None);
        program.play();
    }

    #[test]
    fn guarantees_hold_on_hostile_kernel(program in program()) {
        static WATCHDOG: Watchdog = Watchdog::new("guarantees_hold_on_hostile_kernel, case number");
        let _watched = WATCHDOG.watch(None);
        program.play_hostile();
    }

    #[test]
    fn any_result_has_its_specified_outcome(
        operation: u8,
        part: (u8, u8),
        notify: bool,
        res in prop_oneof![any::<i64>(), -5000_i64..70_000, -140_i64..140],
    ) {
        Answer { operation, part, notify, res }.check();
    }
}

/// Runs programs from seeds, and prints the seed of the one that fails.
fn from_seeds(watchdog: &'static Watchdog, play: impl Fn(&Program) -> Played) -> Played {
    let what = watchdog.what();
    let programs = setting("PROGRAMS", if cfg!(miri) { 5 } else { 4000 });
    let from = setting("PROGRAMS_FROM", 0);
    let start = Instant::now();
    let mut played = Played::default();
    let mut operations = 0;
    for seed in from..from + programs {
        let program = Program::random(seed, 40);
        let _watched = watchdog.watch(Some(seed));
        operations += program.operations.len();
        match panic::catch_unwind(AssertUnwindSafe(|| play(&program))) {
            Ok(more) => played += more,
            Err(panicked) => {
                eprintln!("{what}{seed}: {program:?}");
                panic::resume_unwind(panicked);
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{what}{from}: {programs} programs, {operations} operations, {:.0} programs a second: {played:?}",
        programs as f64 / seconds
    );
    played
}

#[test]
fn programs_from_seeds() {
    static WATCHDOG: Watchdog = Watchdog::new("programs_from_seeds, PROGRAMS_FROM=");
    let Played { submitted, completed, succeeded, scopes, abandoned } =
        from_seeds(&WATCHDOG, Program::play);
    assert_eq!(submitted, completed + abandoned, "no request is lost");
    let seen = [completed, succeeded, scopes, abandoned];
    assert!(
        cfg!(miri) || seen.iter().all(|&count| count > 100),
        "not everything was tried: {seen:?}"
    );
}

#[test]
fn hostile_programs_from_seeds() {
    static WATCHDOG: Watchdog = Watchdog::new("hostile_programs_from_seeds, PROGRAMS_FROM=");
    let Played { submitted, completed, abandoned, .. } =
        from_seeds(&WATCHDOG, Program::play_hostile);
    assert_eq!(submitted, completed + abandoned, "no request is lost");
}

#[test]
fn programs_of_futures_from_seeds() {
    static WATCHDOG: Watchdog = Watchdog::new("programs_of_futures_from_seeds, PROGRAMS_FROM=");
    let Played { submitted, completed, succeeded, .. } =
        from_seeds(&WATCHDOG, Program::play_futures);
    let seen = [submitted, completed, succeeded];
    assert!(
        cfg!(miri) || seen.iter().all(|&count| count > 100),
        "not everything was tried: {seen:?}"
    );
}

#[test]
fn hostile_programs_of_futures_from_seeds() {
    static WATCHDOG: Watchdog =
        Watchdog::new("hostile_programs_of_futures_from_seeds, PROGRAMS_FROM=");
    from_seeds(&WATCHDOG, Program::play_futures_hostile);
}
