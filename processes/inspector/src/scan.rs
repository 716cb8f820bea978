//! A scan of files that nobody signed. Each is handed over, open, when its turn comes: no directory is
//! mounted, no path is resolved in here.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use package::scan::{Bytes, CEILINGS, Fault, Files};
use proto::frame::{self, FrameError};
use proto::link::inspector::{FRAME_BYTES_MAX, FromInspector, HANDED_MAX, ToInspector};
use proto::link::scan::Entry;
use proto::write_frame;
use sandbox::descriptor;

/// Scans the listed files, and says what was found.
///
/// # Errors
/// [`FrameError`] when the supervisor is gone or breaks the link's rules.
pub fn answer(link: &mut UnixStream, entries: &[Entry], wall_ms_max: u64) -> Result<(), FrameError> {
    let start = Instant::now();
    let most = Duration::from_millis(wall_ms_max);
    let handed = Handed { link: RefCell::new(link), ahead: RefCell::default(), lost: RefCell::new(None) };
    let mut told = start;
    let bytes_all = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(bytes(entry)));
    let mut progress = |bytes_done| {
        if told.elapsed() >= PROGRESS_EVERY {
            handed.say(&FromInspector::Progress { bytes_done, bytes_all });
            told = Instant::now();
        }
    };
    // Without anybody to tell there is nothing to do.
    let late = || start.elapsed() >= most || handed.lost.borrow().is_some();
    let report = package::scan::scan(entries, &handed, CEILINGS, &late, &mut progress);
    let Handed { link, lost, .. } = handed;
    match lost.into_inner() {
        Some(error) => Err(error),
        None => write_frame(link.into_inner(), &FromInspector::Scanned(Box::new(report)), FRAME_BYTES_MAX),
    }
}

/// Files that the supervisor hands over.
struct Handed<'l> {
    link: RefCell<&'l mut UnixStream>,
    /// Files that came ahead of their turn, and the place of the first.
    ahead: RefCell<(u32, VecDeque<Option<File>>)>,
    /// Why the link is no longer used.
    lost: RefCell<Option<FrameError>>,
}

impl Handed<'_> {
    fn say(&self, message: &FromInspector) {
        if self.lost.borrow().is_none()
            && let Err(error) = write_frame(&mut **self.link.borrow_mut(), message, FRAME_BYTES_MAX)
        {
            self.lost.replace(Some(error));
        }
    }

    /// The files that were asked for, from the first on.
    fn files(&self) -> Result<VecDeque<Option<File>>, FrameError> {
        let link = self.link.borrow_mut();
        let received = descriptor::read_frame_with(&**link, FRAME_BYTES_MAX).map_err(FrameError::Io)?;
        let (body, descriptors) = received.ok_or(FrameError::Closed)?;
        let ToInspector::Files { opened } = frame::decode(&body)? else { return Err(FrameError::Malformed) };
        if !(1..=HANDED_MAX).contains(&opened.len())
            || descriptors.len() != opened.iter().filter(|opened| **opened).count()
        {
            return Err(FrameError::Malformed);
        }
        let mut descriptors = descriptors.into_iter().map(File::from);
        Ok(opened.into_iter().map(|opened| if opened { descriptors.next() } else { None }).collect())
    }

    /// The file at a place, from those that came ahead, or asked for.
    fn file(&self, entry: u32) -> Result<Option<File>, FrameError> {
        let mut ahead = self.ahead.borrow_mut();
        let (first, files) = &mut *ahead;
        while *first < entry && files.pop_front().is_some() {
            *first = first.saturating_add(1);
        }
        if *first != entry || files.is_empty() {
            self.say(&FromInspector::Want { entry });
            *files = self.files()?;
        }
        *first = entry.saturating_add(1);
        Ok(files.pop_front().flatten())
    }
}

impl Files for Handed<'_> {
    fn open(&self, entry: usize) -> Result<Box<dyn Bytes>, Fault> {
        let changed = || Fault::Read(io::Error::other("it cannot be opened, or is another file by now"));
        let entry = u32::try_from(entry).map_err(|_| changed())?;
        if self.lost.borrow().is_some() {
            return Err(changed());
        }
        match self.file(entry) {
            Ok(Some(file)) => Ok(Box::new(Open(file))),
            Ok(None) => Err(changed()),
            Err(error) => {
                self.lost.replace(Some(error));
                Err(changed())
            }
        }
    }
}

/// A file that was handed over.
struct Open(File);

impl Bytes for Open {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Fault> {
        self.0.read_exact_at(into, offset).map_err(Fault::Read)
    }
}

fn bytes(entry: &Entry) -> u64 {
    match entry.kind {
        proto::link::scan::EntryKind::File { bytes } => bytes,
        _ => 0,
    }
}

const PROGRESS_EVERY: Duration = Duration::from_millis(50);
