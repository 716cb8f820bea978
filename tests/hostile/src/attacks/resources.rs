//! Taking more than its share.

use std::io::Write as _;

use crate::attack::{Attack, Outcome, judge};
use crate::raw::call;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "take_all_memory", guards: &["memory-ceiling"], deadly: true, run: memory },
    Attack { name: "start_threads_without_end", guards: &["pids-ceiling", "rlimits"], deadly: false, run: threads },
    Attack { name: "open_descriptors_without_end", guards: &["rlimits"], deadly: false, run: descriptors },
    Attack { name: "flood_the_log", guards: &[], deadly: false, run: log },
    Attack { name: "spin_for_ever", guards: &[], deadly: false, run: spin },
];

/// Touches memory up to the target's number of bytes.
fn memory(target: &str) -> Outcome {
    let wanted: usize = target.parse().unwrap_or(4 << 30);
    const STEP: usize = 16 << 20;
    let mut held = Vec::new();
    while held.len() * STEP < wanted {
        let mut block: Vec<u8> = Vec::new();
        if block.try_reserve_exact(STEP).is_err() {
            return Outcome::Denied(format!("refused at {} bytes", held.len() * STEP));
        }
        block.resize(STEP, 1);
        held.push(block);
    }
    Outcome::Succeeded(format!("{} bytes touched", held.len() * STEP))
}

fn threads(_: &str) -> Outcome {
    const MANY: usize = 512;
    let mut started = 0;
    for _ in 0..MANY {
        let sleeper = || std::thread::sleep(std::time::Duration::from_secs(2));
        match std::thread::Builder::new().stack_size(64 << 10).spawn(sleeper) {
            Ok(_) => started += 1,
            Err(_) => return Outcome::Denied(format!("refused after {started}")),
        }
    }
    Outcome::Succeeded(format!("{started} threads"))
}

fn descriptors(_: &str) -> Outcome {
    for count in 0..4096 {
        if let Err(error) = call(libc::SYS_dup, [0; 6]) {
            return Outcome::Denied(format!("errno {error} after {count}"));
        }
    }
    judge(Ok(()), "4096 descriptors")
}

/// Sixty-four mebibytes of log. Nobody may wait for it, nor keep it.
fn log(_: &str) -> Outcome {
    let line = [b'x'; 4096];
    let mut out = std::io::stdout().lock();
    for _ in 0..(64 << 20) / line.len() {
        if out.write_all(&line).is_err() {
            return Outcome::Denied("the log was closed".to_owned());
        }
    }
    let _ = out.write_all(b"\n");
    Outcome::Denied("written and thrown away".to_owned())
}

/// Burns processor time for three seconds on more threads than there are cores.
fn spin(_: &str) -> Outcome {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
    let spinners: Vec<_> =
        (0..4).filter_map(|_| std::thread::Builder::new().spawn(move || while std::time::Instant::now() < end {}).ok()).collect();
    for spinner in spinners {
        let _ = spinner.join();
    }
    Outcome::Denied("spun".to_owned())
}
