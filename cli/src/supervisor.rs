//! The supervisor: started, told one command, listened to, and waited for.

use std::io;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use proto::code::Failure;
use proto::link::operator::{FRAME_BYTES_MAX, FromSupervisor, ToSupervisor};
use proto::{Code, FrameError, frame, read_frame};

use crate::failure::{Result, host, host_call};

/// A running supervisor. When this is dropped the link closes, and the supervisor ends everything.
pub(crate) struct Supervisor {
    link: UnixStream,
    child: Child,
}

impl Supervisor {
    /// Starts the supervisor that stands beside this program.
    pub(crate) fn start() -> Result<Self> {
        let program = beside("stockade-supervisor")?;
        let (ours, theirs) = UnixStream::pair().map_err(|error| host_call("make a socket", error))?;
        let child = spawn(&program, theirs).map_err(|error| {
            host("start", &program, &error).with_hint("install all of Stockade's programs in one directory")
        })?;
        Ok(Self { link: ours, child })
    }

    /// Sends a command, with descriptors on its frame.
    pub(crate) fn send(&self, command: &ToSupervisor, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        let framed = frame::encode(command, FRAME_BYTES_MAX).map_err(|error| {
            Failure::new(Code::ConfigInvalid, format!("the command is too large: {error}"))
        })?;
        sandbox::descriptor::send_with(&self.link, &framed, descriptors).map_err(|_| Self::gone())
    }

    /// What the supervisor says next. A failure that it reports is this call's.
    pub(crate) fn next(&mut self) -> Result<FromSupervisor> {
        match read_frame(&mut self.link, FRAME_BYTES_MAX) {
            Ok(FromSupervisor::Failed(failure)) => Err(failure),
            Ok(message) => Ok(message),
            Err(FrameError::Closed | FrameError::Io(_)) => Err(Self::gone()),
            Err(error) => Err(Failure::new(Code::Internal, format!("the supervisor's answer: {error}"))),
        }
    }

    /// Asks for the end, from any thread.
    pub(crate) fn stopper(&self) -> Result<Stopper> {
        self.link.try_clone().map(Stopper).map_err(|error| host_call("copy a socket", error))
    }

    fn gone() -> Failure {
        Failure::new(Code::Internal, "the supervisor ended without an answer")
            .with_hint("its own messages are above; `stockade doctor` looks at this host")
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.link.shutdown(Shutdown::Both);
        let deadline = Instant::now() + END_MAX;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Every jailed process dies with its supervisor.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The supervisor answered another command than the one it was given.
pub(crate) fn unexpected() -> Failure {
    Failure::new(Code::Internal, "the supervisor gave an answer to another command")
}

/// Asks a supervisor to stop.
pub(crate) struct Stopper(UnixStream);

impl Stopper {
    /// Sends `Stop`. A supervisor that is gone has stopped already.
    pub(crate) fn stop(&self) {
        if let Ok(framed) = frame::encode(&ToSupervisor::Stop, FRAME_BYTES_MAX) {
            let _ = sandbox::descriptor::send_with(&self.0, &framed, &[]);
        }
    }
}

/// The supervisor's process: nothing of our environment, and a process group of its own, so that
/// control-C in the terminal reaches us alone and the end stays in order.
#[expect(clippy::disallowed_methods, reason = "the one process that the command line starts")]
fn spawn(program: &PathBuf, link: UnixStream) -> io::Result<Child> {
    Command::new(program)
        .stdin(OwnedFd::from(link))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .env_clear()
        .process_group(0)
        .spawn()
}

/// A program of ours: all stand in one directory.
fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(|error| host_call("find this program's directory", error))?;
    Ok(own.with_file_name(name))
}

/// Most time from the link's end to the supervisor's.
const END_MAX: Duration = Duration::from_secs(30);
