//! Has an inspector examine a package, in a jail of its own.

use std::{
    fs::File,
    time::{Duration, Instant, SystemTime},
};

use proto::{
    Code, ModelName, PackageDigest, WorkerId,
    code::Failure,
    event::{Event as Record, LinkViolated, PackageExamined},
    link::inspector::{FILES_MAX, FRAME_BYTES_MAX, FromInspector, Inspection, ToInspector, TrustedSigner},
    posture::ControlStatus,
};
use sandbox::jail::{Mount, MountSource};

use crate::{
    cell::{Cell, Reason},
    failure::host,
    ground::{Ground, Launch},
    link::{self, LinkFault},
    log, topology,
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
            FromInspector::Accepted(inspection) if is_plausible(&inspection, question.signers) => {
                return Ok(Ok(*inspection));
            }
            FromInspector::Accepted(_) => {
                return Err(LinkFault::Broken("it accepted what no package can be".to_owned()));
            }
            FromInspector::Rejected { failure, package } => {
                return Ok(Err(Refused { failure: shown(failure), package }));
            }
        }
    }
}

/// Whether this could be said of a package at all. Who was taken over can lie about the package that
/// it read, and not put words of its own on the operator's screen.
fn is_plausible(inspection: &Inspection, signers: &[TrustedSigner]) -> bool {
    let plain = |text: &str| text.len() <= WORD_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    let model = &inspection.model;
    ModelName::parse(&inspection.name).is_ok()
        && [&inspection.version, &model.format, &model.architecture].into_iter().all(|text| plain(text))
        && model.dtypes.len() <= DTYPES_MAX
        && model.dtypes.iter().all(|(name, _)| plain(name))
        && signers.iter().any(|signer| signer.name == inspection.signer)
        && inspection.files.len() < FILES_MAX
}

/// A refusal in words that a terminal shows and does not obey.
fn shown(failure: Failure) -> Failure {
    let bounded = |text: String| -> String {
        text.chars().filter(|letter| !log::is_obeyed(*letter)).take(MESSAGE_CHARS_MAX).collect()
    };
    Failure { code: failure.code, message: bounded(failure.message), hint: failure.hint.map(bounded) }
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

/// Longest word, and most kinds of number, of a model's summary.
const WORD_BYTES_MAX: usize = 64;
const DTYPES_MAX: usize = 64;

/// Longest message of a refusal.
const MESSAGE_CHARS_MAX: usize = 512;

const PROGRESS_EVERY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use proto::{
        Digest,
        link::inspector::{ListedFile, ModelSummary},
    };

    fn inspection() -> Inspection {
        let digest = Digest::from_bytes([7; 32]);
        let file = ListedFile { path: "manifest.json".to_owned(), bytes: 2, digest };
        Inspection {
            package: PackageDigest(digest),
            name: "demo".to_owned(),
            version: "1.0".to_owned(),
            signer: "publisher".to_owned(),
            signer_key: digest,
            files: vec![file.clone()],
            bundle: file,
            model: ModelSummary {
                format: "one".to_owned(),
                architecture: "llama".to_owned(),
                parameters: 1,
                tensors: 1,
                weight_bytes: 2,
                context_tokens: 8,
                vocabulary: 8,
                chat_template: None,
                dtypes: vec![("F16".to_owned(), 1)],
            },
        }
    }

    #[test]
    fn an_inspector_that_was_taken_over_names_no_signer_and_shows_no_text_of_its_own() {
        let signers = [TrustedSigner::with_key("publisher", "a key")];
        assert!(is_plausible(&inspection(), &signers));
        assert!(!is_plausible(&inspection(), &[]));
        let lies: [fn(&mut Inspection); 5] = [
            |one| one.signer = "somebody".to_owned(),
            |one| one.name = "demo\u{1b}[2J".to_owned(),
            |one| one.version = "1 0".to_owned(),
            |one| one.model.architecture = "x".repeat(65),
            |one| one.model.dtypes = vec![("F16".to_owned(), 1); 65],
        ];
        for lie in lies {
            let mut changed = inspection();
            lie(&mut changed);
            assert!(!is_plausible(&changed, &signers), "{changed:?}");
        }
    }

    #[test]
    fn a_refusal_is_bounded_and_plain() {
        let failure = Failure::new(Code::FormatInvalid, format!("bad\u{1b}[31m{}", "x".repeat(4096)));
        let shown = shown(failure);
        assert_eq!(shown.message.chars().count(), MESSAGE_CHARS_MAX);
        assert!(shown.message.starts_with("bad[31mx"));
    }
}
