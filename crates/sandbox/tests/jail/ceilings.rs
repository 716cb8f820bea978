//! Ceilings: each holds against a process that wants more.

use std::time::Duration;

use sandbox::control::Control;

use crate::{
    runner::{Ran, Test},
    support::{CEILINGS, end, is_root, linked, log, soon, spec, start},
};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        Test::new("threads_beyond_the_ceiling_are_refused", threads),
        Test::new("descriptors_beyond_the_ceiling_are_refused", descriptors),
        Test::new("a_log_that_nobody_reads_stops_its_writer_and_nobody_else", flood),
    ];
    // An ordinary user may make no control group, and the report says so.
    if is_root() {
        tests.push(Test::new("processor_time_beyond_the_ceiling_is_not_given", processor));
    }
    tests
}

fn threads() -> Ran {
    let mut jailed = start(spec("starts-threads"));
    jailed.report(soon()).unwrap();
    end(&mut jailed);
    let started: u32 = log(&mut jailed).trim().parse().unwrap();
    assert!(started < CEILINGS.pids_max, "{started} threads");
    Ran::Held
}

fn descriptors() -> Ran {
    let (spec, _link) = linked("opens-descriptors");
    let mut jailed = start(spec);
    jailed.report(soon()).unwrap();
    end(&mut jailed);
    let opened: u32 = log(&mut jailed).trim().parse().unwrap();
    assert!(opened < CEILINGS.files_max, "{opened} descriptors");
    Ran::Held
}

/// A tenth of a processor: over two seconds, far less than a second of it.
fn processor() -> Ran {
    let mut spec = spec("spins");
    spec.ceilings.cpu_millicores_max = 100;
    let mut jailed = start(spec);
    let controls = jailed.report(soon()).unwrap();
    assert!(controls.iter().any(|one| one.name == "cpu-ceiling" && one.status == Control::Enforced));
    std::thread::sleep(Duration::from_secs(2));
    let used = ticks(jailed.pid());
    assert!(used < 100, "{used} hundredths of a second");
    Ran::Held
}

/// Hundredths of a second of processor time.
fn ticks(process: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().skip(11).take(2).map(|word| word.parse::<u64>().unwrap()).sum()
}

fn flood() -> Ran {
    let mut flooding = start(spec("floods-its-log"));
    flooding.report(soon()).unwrap();
    let (spec, link) = linked("waits");
    let mut other = start(spec);
    other.report(soon()).unwrap();
    drop(link);
    end(&mut other);
    assert_eq!(flooding.wait(std::time::Instant::now()).unwrap(), None);
    Ran::Held
}
