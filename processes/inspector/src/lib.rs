//! Examines one package: is it what its signer signed, well formed, and harmless?
//!
//! # Role
//! Asked once, over its control link. About the directory mounted at `/package`: it checks the
//! signature, hashes every file, and reads the model files strictly. Or about files that nobody
//! signed, which it is handed one after another: it scans them. It answers, and ends.
//!
//! # Security
//! Reads: package files (hostile), one question of the supervisor. Holds: nothing. If taken over: it
//! can accept the package that it was reading; that package still runs in a sandbox. It has no
//! network, writes no file and starts no process.
//!
//! # Non-goals
//! Keeps nothing between packages, trusts no signer of its own, never writes to a package.
#![forbid(unsafe_code)]

pub mod directory;
pub mod examine;
pub mod hashing;
pub mod scan;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use package::Trust;
use proto::link::inspector::{FRAME_BYTES_MAX, FromInspector, ToInspector};
use proto::{FrameError, read_frame, write_frame};
use sandbox::{confine::Confined, descriptor};

use directory::Directory;
use examine::{Question, examine};

/// Answers the one question of the control link. Only a confined process may read a package.
pub fn serve(_confined: &Confined) -> ExitCode {
    let Ok(link) = descriptor::adopt(CONTROL_AT) else { return ExitCode::FAILURE };
    match answer(&mut UnixStream::from(link), Path::new(PACKAGE_AT)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_link_broken) => ExitCode::FAILURE,
    }
}

/// Reads the question, examines the directory at `package` or the files that it is handed, and says
/// what they are.
///
/// # Errors
/// [`FrameError`] when the supervisor is gone or breaks the link's rules: nobody is left to tell.
pub fn answer(link: &mut UnixStream, package: &Path) -> Result<(), FrameError> {
    match read_frame(link, FRAME_BYTES_MAX)? {
        ToInspector::Examine { signers, expected, now_s, threads } => {
            let question = Question { trust: Trust { signers: &signers, now_s }, expected, threads };
            answer_examine(link, package, &question)
        }
        ToInspector::Scan { entries, wall_ms_max } => scan::answer(link, &entries, wall_ms_max),
        // Nothing was asked for.
        ToInspector::Files { .. } => Err(FrameError::Malformed),
    }
}

fn answer_examine(link: &mut UnixStream, package: &Path, question: &Question<'_>) -> Result<(), FrameError> {
    let mut lost = None;
    let mut progress = |bytes_done, bytes_all| {
        if lost.is_none() {
            let message = FromInspector::Progress { bytes_done, bytes_all };
            lost = write_frame(link, &message, FRAME_BYTES_MAX).err();
        }
    };
    let outcome = Directory::open(package).and_then(|found| examine(&found, question, &mut progress));
    if let Some(error) = lost {
        return Err(error);
    }
    let message = match outcome {
        Ok(inspection) => FromInspector::Accepted(Box::new(inspection)),
        Err(refusal) => {
            FromInspector::Rejected { failure: refusal.rejection.failure(), package: refusal.package }
        }
    };
    write_frame(link, &message, FRAME_BYTES_MAX)
}

/// Where the jail puts the control link.
const CONTROL_AT: u32 = 4;

/// Where the jail mounts the package.
const PACKAGE_AT: &str = "/package";
