//! How fast, beside what the disk can do. Run with `--ignored --nocapture`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::harness::Auditor;

const FOR: Duration = Duration::from_secs(4);

#[test]
#[ignore = "measures"]
fn commit_rate_beside_the_disks_floor() {
    let directory = tempfile::tempdir().unwrap();
    report("floor: 1 KiB in place and fdatasync", floor(directory.path()));
    for writers in [1, 16, 64] {
        let ledger = tempfile::tempdir().unwrap();
        let auditor = Auditor::start(ledger.path());
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let mut producer = auditor.producer(&format!("writer-{writer}"));
                std::thread::spawn(move || {
                    let (begun, mut times) = (Instant::now(), Vec::new());
                    while begun.elapsed() < FOR {
                        let sent = Instant::now();
                        producer.commit(&"x".repeat(400));
                        times.push(sent.elapsed());
                    }
                    times
                })
            })
            .collect();
        let times = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        report(&format!("{writers} writers, each waiting for its answer"), times);
        auditor.stop();
        let begun = Instant::now();
        let verified = crate::harness::verify(ledger.path()).size;
        eprintln!("  verified: {:.0} records/s", verified as f64 / begun.elapsed().as_secs_f64());
    }
}

fn floor(directory: &std::path::Path) -> Vec<Duration> {
    let file = File::create(directory.join("floor")).unwrap();
    file.write_all_at(&vec![0; 16 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < FOR {
        let written = Instant::now();
        file.write_all_at(&[1; 1024], (times.len() as u64 * 1024) % (16 << 20)).unwrap();
        file.sync_data().unwrap();
        times.push(written.elapsed());
    }
    times
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 1000].as_micros();
    let rate = times.len() as u64 / FOR.as_secs();
    eprintln!("{what}: {rate}/s, p50 {} us, p99 {} us, p99.9 {} us", at(500), at(990), at(999));
}
