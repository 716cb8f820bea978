//! Taking more than its share.

use std::{
    fs::File,
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use crate::{
    attack::{Attack, Outcome},
    raw::{call, number, touch},
};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("take_all_memory", memory).guarded(&["memory-ceiling", "rlimits"]).deadly(),
    Attack::new("take_all_memory_as_shared", shared_memory)
        .guarded(&["memory-ceiling", "seccomp"])
        .refused(&["mmap"])
        .deadly(),
    Attack::new("start_threads_without_end", threads).guarded(&["pids-ceiling", "rlimits"]),
    Attack::new("open_descriptors_without_end", descriptors).guarded(&["rlimits"]),
    Attack::new("take_all_processor_time", processor_time).guarded(&["cpu-ceiling"]),
    Attack::new("flood_the_log", flood),
];

/// Touches memory of its own, up to the target's number of bytes.
fn memory(target: &str) -> Outcome {
    let wanted: usize = target.parse().unwrap_or(MEMORY_BYTES);
    let mut held: Vec<Vec<u8>> = Vec::new();
    while held.len() * STEP_BYTES < wanted {
        let mut block = Vec::new();
        if block.try_reserve_exact(STEP_BYTES).is_err() {
            return Outcome::Denied(format!("refused at {} bytes", held.len() * STEP_BYTES));
        }
        block.resize(STEP_BYTES, 1);
        held.push(block);
    }
    Outcome::Succeeded(format!("{wanted} bytes touched"))
}

/// The same with memory that a child would share, which the limit on a process's own does not count.
fn shared_memory(target: &str) -> Outcome {
    const PAGE: usize = 4096;
    let wanted: usize = target.parse().unwrap_or(MEMORY_BYTES);
    let flags = number(libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let rights = number(libc::PROT_READ | libc::PROT_WRITE);
    for taken in (0..wanted).step_by(STEP_BYTES) {
        match call(libc::SYS_mmap, [0, STEP_BYTES, rights, flags, usize::MAX, 0]) {
            Ok(block) => (0..STEP_BYTES).step_by(PAGE).for_each(|page| touch(block + page)),
            Err(error) => return Outcome::Denied(format!("errno {error} at {taken} bytes")),
        }
    }
    Outcome::Succeeded(format!("{wanted} bytes touched"))
}

fn threads(_: &str) -> Outcome {
    const MANY: usize = 512;
    for started in 0..MANY {
        let sleeper = || thread::sleep(Duration::from_secs(2));
        if thread::Builder::new().stack_size(64 << 10).spawn(sleeper).is_err() {
            return Outcome::Denied(format!("refused after {started}"));
        }
    }
    Outcome::Succeeded(format!("{MANY} threads"))
}

fn descriptors(_: &str) -> Outcome {
    const MANY: usize = 600;
    let opened: Vec<File> = (0..MANY).map_while(|_| File::open("/package/manifest.json").ok()).collect();
    if opened.len() < MANY {
        Outcome::Denied(format!("refused after {}", opened.len()))
    } else {
        Outcome::Succeeded(format!("{MANY} descriptors"))
    }
}

/// Computes on several threads for a second. The target is the ceiling, in thousandths of a processor:
/// more than twice that is a ceiling that does not hold.
fn processor_time(target: &str) -> Outcome {
    let ceiling: u128 = target.parse().unwrap_or(2000);
    let start = Instant::now();
    let end = start + Duration::from_secs(1);
    let spin = move || while Instant::now() < end {};
    let spinners: Vec<_> = (0..10).filter_map(|_| thread::Builder::new().spawn(spin).ok()).collect();
    spin();
    for spinner in spinners {
        let _ = spinner.join();
    }
    let used = match processor_nanoseconds() {
        Ok(used) => used * 1000 / start.elapsed().as_nanos().max(1),
        Err(error) => return Outcome::Denied(format!("errno {error}")),
    };
    let found = format!("{used} thousandths of a processor");
    if used > 2 * ceiling { Outcome::Succeeded(found) } else { Outcome::Denied(found) }
}

fn processor_nanoseconds() -> Result<u128, i32> {
    let mut time = [0_u64; 2];
    let clock = number(libc::CLOCK_PROCESS_CPUTIME_ID);
    call(libc::SYS_clock_gettime, [clock, time.as_mut_ptr() as usize, 0, 0, 0, 0])?;
    let [seconds, nanoseconds] = time;
    Ok(u128::from(seconds) * 1_000_000_000 + u128::from(nanoseconds))
}

/// Sixty-four mebibytes of log. Nobody may wait for it, nor keep it.
fn flood(_: &str) -> Outcome {
    let line = [b'x'; 4096];
    let mut log = std::io::stdout().lock();
    for _ in 0..(64 << 20) / line.len() {
        if log.write_all(&line).is_err() {
            return Outcome::Denied("the log was closed".to_owned());
        }
    }
    let _ = log.write_all(b"\n");
    Outcome::Denied("written, and thrown away".to_owned())
}

const STEP_BYTES: usize = 16 << 20;
const MEMORY_BYTES: usize = 8 << 30;
