//! How fast files are measured, beside the hash alone over memory: `cargo bench -p stockade-inspector`.
//!
//! # Role
//! Writes files, so that they are in the page cache, and prints GiB/s of both, the best of five rounds.
//!
//! # Security
//! Reads: files that it made. Holds: nothing.
//!
//! # Non-goals
//! Disks: what is measured is the processor's work.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use proto::link::inspector::ListedFile;
use stockade_inspector::directory::Directory;
use stockade_inspector::hashing::measure;

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let content: Vec<u8> = (0..=250).cycle().take(FILE_BYTES).collect();
    let files: Vec<ListedFile> = (0..4)
        .map(|number| {
            let path = format!("{number}.safetensors");
            fs::write(folder.path().join(&path), &content)?;
            Ok(ListedFile { path, bytes: content.len() as u64, digest: package::hash::sha256(&content) })
        })
        .collect::<io::Result<_>>()?;
    let mut table = vec![row("hash alone, 1 thread", 1, best(|| alone(&content, 1)))];
    table.push(row("hash alone, 2 threads", 2, best(|| alone(&content, 2))));
    for (what, count, threads) in [
        ("1 file, 1 thread", 1, 1),
        ("1 file, 2 threads", 1, 2),
        ("2 files, 2 threads", 2, 2),
        ("4 files, 2 threads", 4, 2),
    ] {
        let listed = files.get(..count).unwrap_or_default();
        table.push(row(what, count, best(|| through(folder.path(), listed, threads))));
    }
    table.iter().try_for_each(|line| writeln!(io::stdout(), "{line}"))
}

/// The hash over memory that is already there, once in each thread.
fn alone(content: &[u8], threads: usize) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| std::hint::black_box(package::hash::sha256(content)));
        }
    });
}

#[expect(clippy::expect_used, reason = "a benchmark that cannot read its own files has nothing to measure")]
fn through(folder: &Path, files: &[ListedFile], threads: u32) {
    let directory = Directory::open(folder).expect("the folder was made");
    let measured = measure(&directory, files, threads, &mut |_| {}).expect("the files were written");
    assert!(measured.iter().eq(files.iter().map(|file| &file.digest)));
}

fn best(work: impl Fn()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..5).map(round).min().unwrap_or_default()
}

fn row(what: &str, files: usize, time: Duration) -> String {
    let gib = (files * FILE_BYTES) as f64 / f64::from(1 << 30);
    format!("{what:24} {:6.2} GiB/s", gib / time.as_secs_f64())
}

const FILE_BYTES: usize = 256 * 1024 * 1024;
