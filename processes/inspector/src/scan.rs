//! A scan of files that nobody signed. Each is handed over, open, when its turn comes: no directory is
//! mounted, no path is resolved in here.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use package::scan::{Bytes, CEILINGS, Fault, Files};
use proto::frame::{self, FrameError};
use proto::link::inspector::{FRAME_BYTES_MAX, FromInspector, ToInspector};
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
    let handed = Handed { link: RefCell::new(link), lost: RefCell::new(None) };
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
    let Handed { link, lost } = handed;
    match lost.into_inner() {
        Some(error) => Err(error),
        None => write_frame(link.into_inner(), &FromInspector::Scanned(Box::new(report)), FRAME_BYTES_MAX),
    }
}

/// Files that the supervisor hands over.
struct Handed<'l> {
    link: RefCell<&'l mut UnixStream>,
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

    fn file(&self) -> Result<Option<File>, FrameError> {
        let link = self.link.borrow_mut();
        let received = descriptor::read_frame_with(&**link, FRAME_BYTES_MAX).map_err(FrameError::Io)?;
        let (body, descriptors) = received.ok_or(FrameError::Closed)?;
        let mut descriptors = descriptors.into_iter();
        match (frame::decode(&body)?, descriptors.next(), descriptors.next()) {
            (ToInspector::File { opened: true }, Some(file), None) => Ok(Some(File::from(file))),
            (ToInspector::File { opened: false }, None, None) => Ok(None),
            _ => Err(FrameError::Malformed),
        }
    }
}

impl Files for Handed<'_> {
    fn open(&self, entry: usize) -> Result<Box<dyn Bytes>, Fault> {
        let changed = || Fault::Read(io::Error::other("it cannot be opened, or is another file by now"));
        let entry = u32::try_from(entry).map_err(|_| changed())?;
        self.say(&FromInspector::Want { entry });
        if self.lost.borrow().is_some() {
            return Err(changed());
        }
        match self.file() {
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
