//! SHA-256 of every file, several files at the same time. One file's hash is a chain: one thread.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use package::Rejection;
use package::hash::Hasher;
use proto::Digest;
use proto::link::inspector::ListedFile;

use crate::directory::{Directory, unreadable};

/// Most threads of hashing: the jail's ceiling of processes has to hold them and the main thread.
pub const THREADS_MAX: u32 = 6;

/// Measures each file's digest, in the order of `files`. `progress` is told the bytes done so far, at
/// most once in 50 ms.
///
/// # Errors
/// [`Rejection`] for a file that cannot be read, or has another size than listed.
pub fn measure(
    directory: &Directory,
    files: &[ListedFile],
    threads: u32,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<Digest>, Rejection> {
    let work = Work::new(directory, files);
    thread::scope(|scope| {
        let (running, ended) = mpsc::channel::<()>();
        for _ in 0..threads.clamp(1, THREADS_MAX) {
            let (work, running) = (&work, running.clone());
            let hash = move || {
                work.run();
                drop(running);
            };
            // Fewer threads than asked for cost time, nothing else.
            if thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, hash).is_err() {
                break;
            }
        }
        drop(running);
        while ended.recv_timeout(PROGRESS_EVERY) == Err(RecvTimeoutError::Timeout) {
            progress(work.bytes_done.load(Ordering::Relaxed));
        }
    });
    // Whatever is left, if not even one thread could be started.
    work.run();
    work.measured.into_iter().filter_map(OnceLock::into_inner).collect()
}

/// Files to hash, and what is known of them so far.
struct Work<'w> {
    directory: &'w Directory,
    files: &'w [ListedFile],
    /// Places in `files`, the largest file first, so that no thread begins it when others are done.
    order: Vec<usize>,
    next: AtomicUsize,
    bytes_done: AtomicU64,
    measured: Vec<OnceLock<Result<Digest, Rejection>>>,
}

impl<'w> Work<'w> {
    fn new(directory: &'w Directory, files: &'w [ListedFile]) -> Self {
        let mut order: Vec<_> = files.iter().enumerate().collect();
        order.sort_by_key(|(_, file)| std::cmp::Reverse(file.bytes));
        Self {
            directory,
            files,
            order: order.into_iter().map(|(place, _)| place).collect(),
            next: AtomicUsize::new(0),
            bytes_done: AtomicU64::new(0),
            measured: files.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Hashes files until none is left, or one cannot be read.
    fn run(&self) {
        let mut buffer = Buffer::new();
        while let Some(&place) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let (Some(file), Some(slot)) = (self.files.get(place), self.measured.get(place)) else { return };
            let digest = self.hash(file, &mut buffer);
            if digest.is_err() {
                self.next.store(self.order.len(), Ordering::Relaxed);
            }
            // Each place is taken once.
            let _ = slot.set(digest);
        }
    }

    fn hash(&self, file: &ListedFile, buffer: &mut Buffer) -> Result<Digest, Rejection> {
        let failed = |error| unreadable(&file.path, error);
        let open = self.directory.file(&file.path).map_err(failed)?;
        let mut hasher = Hasher::new();
        let mut done = 0;
        while done < file.bytes {
            let piece = buffer.piece(file.bytes - done);
            let read = read_at(&open, piece, done).map_err(failed)?;
            let piece = piece.get(..read).unwrap_or_default();
            if piece.is_empty() {
                return Err(other_size(file, done));
            }
            hasher.update(piece);
            done += read as u64;
            self.bytes_done.fetch_add(read as u64, Ordering::Relaxed);
        }
        let found = open.metadata().map_err(failed)?.len();
        if found == file.bytes { Ok(hasher.finish()) } else { Err(other_size(file, found)) }
    }
}

fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(into, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn other_size(file: &ListedFile, found: u64) -> Rejection {
    Rejection::SizeMismatch { path: file.path.clone(), found, expected: file.bytes }
}

/// Memory to read into, at the start of a page: elsewhere the kernel copies half as fast.
struct Buffer {
    memory: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn new() -> Self {
        let memory = vec![0; BUFFER_BYTES + PAGE_BYTES];
        let start = memory.as_ptr().align_offset(PAGE_BYTES).min(PAGE_BYTES);
        Self { memory, start }
    }

    /// Room for the next piece of a file that has `rest` bytes left.
    fn piece(&mut self, rest: u64) -> &mut [u8] {
        let length = usize::try_from(rest).map_or(BUFFER_BYTES, |rest| rest.min(BUFFER_BYTES));
        self.memory.get_mut(self.start..self.start + length).unwrap_or_default()
    }
}

const PROGRESS_EVERY: Duration = Duration::from_millis(50);
const STACK_BYTES: usize = 128 * 1024;
const PAGE_BYTES: usize = 4096;
/// Stays in a core's own cache between the copy and the hash.
const BUFFER_BYTES: usize = 256 * 1024;
