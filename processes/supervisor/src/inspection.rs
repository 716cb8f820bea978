//! Has an inspector examine a package, in a jail of its own.

use std::{
    fs::File,
    time::{Duration, Instant, SystemTime},
};

use proto::{
    Code, PackageDigest, WorkerId,
    code::Failure,
    event::{Event as Record, LinkViolated, PackageExamined},
    link::inspector::{FRAME_BYTES_MAX, FromInspector, Inspection, ToInspector, TrustedSigner},
    posture::ControlStatus,
};
use sandbox::jail::{Mount, MountSource};

use crate::{
    cell::{Cell, Reason},
    failure::host,
    ground::{Ground, Launch},
    link::{self, LinkFault},
    topology,
};

/// What is asked about a package.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'q> {
    /// What to call it in messages.
    pub(crate) name: &'q str,
    /// Whose signatures count.
    pub(crate) signers: &'q [TrustedSigner],
    /// The package it must be, if that is known.
    pub(crate) expected: Option<PackageDigest>,
    /// Which start of a worker it is for.
    pub(crate) worker: Option<WorkerId>,
    pub(crate) deadline: Instant,
}

/// An examined package.
#[derive(Debug)]
pub(crate) struct Examined {
    /// What it is, or why it is refused.
    pub(crate) answer: Result<Inspection, Refused>,
    /// What protected us from it.
    pub(crate) controls: Vec<ControlStatus>,
}

/// A package is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) failure: Failure,
    /// The package, when its manifest could be read.
    pub(crate) package: Option<PackageDigest>,
}

/// Examines the files that are open here, whatever their paths lead to by now.
pub(crate) fn examine(
    ground: &Ground,
    files: &[(&str, &File)],
    question: Question<'_>,
) -> Result<Examined, Failure> {
    let mut launch = Launch::of(&topology::INSPECTOR);
    launch.worker = question.worker;
    launch.package = question.expected;
    launch.mounts = mounts(files)?;
    let mut cell = ground.launch(launch)?;
    let controls = std::mem::take(&mut cell.controls);
    let answer = match ask(ground, &cell, question) {
        Ok(answer) => {
            cell.end(ground, Reason::Finished);
            answer
        }
        Err(fault) => Err(Refused { failure: unanswered(ground, cell, &fault), package: question.expected }),
    };
    Ok(Examined { answer, controls })
}

/// Records what an examination found.
pub(crate) fn record(purpose: &str, answer: &Result<Inspection, Refused>) -> Record {
    let purpose = purpose.to_owned();
    Record::PackageExamined(match answer {
        Ok(inspection) => PackageExamined {
            package: Some(inspection.package),
            signer: Some(inspection.signer.clone()),
            refused: None,
            purpose,
        },
        Err(refused) => PackageExamined {
            package: refused.package,
            signer: None,
            refused: Some(refused.failure.code),
            purpose,
        },
    })
}

/// Mounts open files as a package.
pub(crate) fn mounts(files: &[(&str, &File)]) -> Result<Vec<Mount>, Failure> {
    let mount = |(path, file): &(&str, &File)| {
        let copy = file.try_clone().map_err(host("copy a descriptor"))?;
        Ok(Mount {
            source: MountSource::Descriptor(copy.into()),
            target: format!("/package/{path}"),
            writable: false,
            executable: false,
        })
    };
    files.iter().map(mount).collect()
}

/// Threads of hashing or arithmetic that this machine has processors for, up to a few.
pub(crate) fn threads(most: u32) -> u32 {
    let found = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(found).unwrap_or(most).min(most)
}

/// Seconds since 1970, by the host's clock.
#[expect(clippy::disallowed_methods, reason = "the edge: certificates are judged by the host's clock")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn ask(
    ground: &Ground,
    cell: &Cell,
    question: Question<'_>,
) -> Result<Result<Inspection, Refused>, LinkFault> {
    let order = ToInspector::Examine {
        signers: question.signers.to_vec(),
        expected: question.expected,
        now_s: now_s(),
        threads: threads(THREADS_MAX),
    };
    link::send(&cell.control, &order, FRAME_BYTES_MAX, &[])?;
    let stage = format!("verifying {}", question.name);
    let mut told = None;
    loop {
        match link::receive(&cell.control, FRAME_BYTES_MAX, question.deadline)? {
            FromInspector::Progress { bytes_done, bytes_all } => {
                // The inspector may be lying, also about how often it speaks.
                if told.is_none_or(|told: Instant| told.elapsed() >= PROGRESS_EVERY) {
                    ground.operator.progress(&stage, bytes_done, bytes_all);
                    told = Some(Instant::now());
                }
            }
            FromInspector::Want { .. } | FromInspector::Scanned(_) => {
                return Err(LinkFault::Broken("it answered another question".to_owned()));
            }
            FromInspector::Accepted(inspection) => return Ok(Ok(*inspection)),
            FromInspector::Rejected { failure, package } => return Ok(Err(Refused { failure, package })),
        }
    }
}

/// Ends an inspector that gave no answer. Unsure whose fault that is: the package's.
pub(crate) fn unanswered(ground: &Ground, cell: Cell, fault: &LinkFault) -> Failure {
    match fault {
        LinkFault::TooLate => {
            cell.end(ground, Reason::TooLate);
            Failure::new(Code::StartTimeout, "the package could not be examined in time")
        }
        LinkFault::Closed => {
            let ending = cell.end(ground, Reason::Own);
            let message = format!("the inspector ended while it read the package: {}", ending.shown());
            Failure::new(Code::FormatInvalid, message)
        }
        LinkFault::Broken(rule) => {
            ground.recorder.note(Record::LinkViolated(LinkViolated {
                process: cell.process.name.to_owned(),
                worker: cell.worker,
                rule: rule.clone(),
            }));
            cell.end(ground, Reason::Ordered);
            Failure::new(Code::FormatInvalid, format!("the inspector was taken over by the package: {rule}"))
        }
    }
}

/// Most threads of one inspector: its jail's ceiling has to hold them.
const THREADS_MAX: u32 = 4;

const PROGRESS_EVERY: Duration = Duration::from_millis(50);
