//! Starts this test program again as an auditor, and speaks to it as supervisor and producers do.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ledger::{Entry, Ledger, Summary, TileSource};
use proto::event::{Event, Lifecycle};
use proto::frame::{encode, read_frame, write_frame};
use proto::link::{auditor, record};
use proto::{FrameError, Secret};

/// Tells this program that it is the auditor, and where its ledger lies.
const LEDGER_VARIABLE: &str = "STOCKADE_TEST_LEDGER";

const ORIGIN: &str = "stockade.local/test";

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
#[ignore = "started by the other tests, as the auditor's process"]
fn auditor_process() {
    let Some(ledger) = std::env::var_os(LEDGER_VARIABLE) else { return };
    let control = io::stdin().as_fd().try_clone_to_owned().unwrap();
    assert_eq!(stockade_auditor::attend(control, Path::new(&ledger)), ExitCode::SUCCESS);
}

/// A running auditor.
pub(crate) struct Auditor {
    child: Child,
    control: UnixStream,
    directory: PathBuf,
    /// Records that it found at its start.
    pub(crate) size: u64,
}

impl Auditor {
    pub(crate) fn start(directory: &Path) -> Self {
        Self::start_by(command(), directory).unwrap()
    }

    /// Starts an auditor by another program that executes it.
    pub(crate) fn start_by(mut command: Command, directory: &Path) -> Result<Self, String> {
        let (control, theirs) = UnixStream::pair().unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = command
            .env(LEDGER_VARIABLE, directory)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The command holds the other end until it is gone.
        drop(command);
        let mut auditor = Self { child, control, directory: directory.to_owned(), size: 0 };
        let start = auditor::ToAuditor::Start { origin: ORIGIN.to_owned(), key: Secret::new([7; 32]) };
        auditor.say(&start, None);
        match auditor.hear().unwrap() {
            auditor::FromAuditor::Ready { size } => auditor.size = size,
            auditor::FromAuditor::Failed { why } => return Err(why),
            other @ auditor::FromAuditor::Checkpoint { .. } => panic!("{other:?}"),
        }
        Ok(auditor)
    }

    pub(crate) fn producer(&self, process: &str) -> Producer {
        let (stream, theirs) = UnixStream::pair().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let message = auditor::ToAuditor::Producer { process: process.to_owned() };
        self.say(&message, Some(theirs.as_fd()));
        Producer { stream, seq: 0 }
    }

    pub(crate) fn checkpoint(&mut self) -> String {
        self.say(&auditor::ToAuditor::Checkpoint, None);
        self.hear_checkpoint()
    }

    pub(crate) fn stop(mut self) -> String {
        self.say(&auditor::ToAuditor::Stop, None);
        let note = self.hear_checkpoint();
        assert!(self.child.wait().unwrap().success());
        note
    }

    pub(crate) fn kill(&mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn hear(&mut self) -> Result<auditor::FromAuditor, FrameError> {
        read_frame(&mut self.control, auditor::FRAME_BYTES_MAX)
    }

    pub(crate) fn say(&self, message: &auditor::ToAuditor, descriptor: Option<BorrowedFd<'_>>) {
        let frame = encode(message, auditor::FRAME_BYTES_MAX).unwrap();
        sandbox::descriptor::send_with(&self.control, &frame, descriptor.as_slice()).unwrap();
    }

    /// The root of the file system as it sees it.
    pub(crate) fn root(&self) -> PathBuf {
        format!("/proc/{}/root", self.child.id()).into()
    }

    /// Checks the ledger while this auditor runs.
    pub(crate) fn verify(&self) -> Summary {
        verify(&self.directory)
    }

    /// Reads every record while this auditor runs.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        entries(&self.directory)
    }

    fn hear_checkpoint(&mut self) -> String {
        match self.hear().unwrap() {
            auditor::FromAuditor::Checkpoint { note, vkey: found } => {
                assert_eq!(found, vkey());
                note
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A producer's end of a record link.
pub(crate) struct Producer {
    pub(crate) stream: UnixStream,
    pub(crate) seq: u64,
}

impl Producer {
    /// Sends the next record and gives its number.
    pub(crate) fn send(&mut self, text: &str) -> Result<u64, FrameError> {
        let seq = self.seq;
        self.seq += 1;
        self.send_as(seq, text)
    }

    /// Sends a record under any number.
    pub(crate) fn send_as(&mut self, seq: u64, text: &str) -> Result<u64, FrameError> {
        let message = record::FromProducer::Append { seq, event: event(text) };
        write_frame(&mut self.stream, &message, record::FRAME_BYTES_MAX)?;
        Ok(seq)
    }

    pub(crate) fn hear(&mut self) -> Result<record::FromAuditor, FrameError> {
        read_frame(&mut self.stream, record::FRAME_BYTES_MAX)
    }

    /// Sends a record and waits until it is answered.
    pub(crate) fn append(&mut self, text: &str) -> record::FromAuditor {
        let seq = self.send(text).unwrap();
        loop {
            match self.hear().unwrap() {
                record::FromAuditor::Committed { seq: found, .. } if found < seq => {}
                answer => return answer,
            }
        }
    }

    /// Sends a record and waits until it is on disk; gives its index.
    pub(crate) fn commit(&mut self, text: &str) -> u64 {
        match self.append(text) {
            record::FromAuditor::Committed { index, .. } => index,
            refused @ record::FromAuditor::Refused { .. } => panic!("{refused:?}"),
        }
    }

    /// Whether the auditor closed the link.
    pub(crate) fn is_closed(&mut self) -> bool {
        loop {
            match self.hear() {
                Ok(_) => {}
                Err(FrameError::Closed) => return true,
                Err(FrameError::Io(error)) => return error.kind() == io::ErrorKind::ConnectionReset,
                Err(_) => return false,
            }
        }
    }
}

/// This program, as an auditor.
#[expect(clippy::disallowed_methods, reason = "the auditor under test is a process that can be killed")]
pub(crate) fn command() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "harness::auditor_process", "--ignored", "--nocapture"]);
    command
}

pub(crate) fn event(text: &str) -> Event {
    Event::Lifecycle(Lifecycle { phase: "started".to_owned(), version: text.to_owned() })
}

/// The text of a record that [`event`] made.
pub(crate) fn text(entry: &Entry) -> &str {
    let data = entry.data.strip_prefix("{\"phase\":\"started\",\"version\":\"").unwrap();
    data.strip_suffix("\"}").unwrap()
}

pub(crate) fn vkey() -> String {
    ledger::note::Signer::new(ORIGIN, &Secret::new([7; 32])).unwrap().verifier().vkey()
}

pub(crate) fn verify(directory: &Path) -> Summary {
    ledger::verify(&mut Files(directory.to_owned()), &vkey()).unwrap()
}

pub(crate) fn entries(directory: &Path) -> Vec<Entry> {
    let mut ledger = Ledger::open(Files(directory.to_owned()), &vkey()).unwrap();
    ledger.entries(0..u64::MAX).map(Result::unwrap).collect()
}

/// The records of a producer, in order.
pub(crate) fn of<'a>(entries: &'a [Entry], producer: &str) -> Vec<&'a Entry> {
    entries.iter().filter(|entry| entry.producer == producer).collect()
}

/// The auditor's own records of one event: their data.
pub(crate) fn said(entries: &[Entry], event: &str) -> Vec<String> {
    let own = entries.iter().filter(|entry| entry.producer == "auditor" && entry.event == event);
    own.map(|entry| entry.data.clone()).collect()
}

/// A whole directory, to put it back.
pub(crate) fn copy(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(directory).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A ledger's files, read as anybody would.
pub(crate) struct Files(pub(crate) PathBuf);

impl TileSource for Files {
    fn read(&mut self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.0.join(path)) {
            Ok(bytes) if bytes.len() > bytes_max => Err(io::ErrorKind::FileTooLarge.into()),
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&mut self, directory: &str) -> io::Result<Vec<String>> {
        let listed = match std::fs::read_dir(self.0.join(directory)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        listed.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }
}
