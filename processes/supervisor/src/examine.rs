//! Examines a directory, and takes it into the store where that is asked; or a stored package again.

use std::fs::File;

use proto::{
    Digest, PackageDigest,
    code::Failure,
    link::{inspector::TrustedSigner, operator::FromSupervisor},
};
use sandbox::rootless::Privilege;

use crate::{
    auditor, failure,
    ground::Ground,
    import,
    inspection::{self, Examined, Question, Refused},
    state::State,
    tree::{self, Source},
};

/// What is to be examined.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) state: String,
    pub(crate) directory: String,
    pub(crate) signers: Vec<TrustedSigner>,
    /// Whether it goes into the store.
    pub(crate) add: bool,
}

/// Examines a directory, or the stored package of that digest.
pub(crate) fn examine(ground: &Ground, examination: &Examination) -> Result<FromSupervisor, Failure> {
    if let Ok(digest) = Digest::parse(&examination.directory) {
        return stored(ground, examination, PackageDigest(digest));
    }
    let sources = tree::list(&examination.directory)?;
    let question = import::question(name(&examination.directory), &examination.signers);
    if examination.add {
        return add(ground, examination, sources, question);
    }
    // Jails run as identities of their own: files that these can't read are copied to where they can.
    let readable = sources.iter().all(|source| source.open_to_all);
    let examined = if readable || ground.privilege == Privilege::Rootless {
        in_place(ground, &sources, question)?
    } else {
        let state = State::open(&examination.state, ground.privilege)?;
        let store = state.store()?;
        let staging = import::copy(ground, &store, sources, question.name)?;
        import::examine(ground, &staging, question)?
    };
    told(examined.answer, false)
}

/// Through the store's own files, as a load does.
fn stored(
    ground: &Ground,
    examination: &Examination,
    package: PackageDigest,
) -> Result<FromSupervisor, Failure> {
    let state = State::open(&examination.state, ground.privilege)?;
    let opened = state.store()?.open_package(package).map_err(|error| failure::store(&error))?;
    let files: Vec<(&str, &File)> = opened.iter().map(|one| (one.listed.path.as_str(), &one.file)).collect();
    let bytes = opened.iter().fold(0_u64, |sum, one| sum.saturating_add(one.listed.bytes));
    let asked = import::question(&examination.directory, &examination.signers);
    let question = Question { expected: Some(package), deadline: import::deadline(bytes), ..asked };
    told(inspection::examine(ground, &files, question)?.answer, true)
}

fn in_place(ground: &Ground, sources: &[Source], question: Question<'_>) -> Result<Examined, Failure> {
    let files: Vec<(&str, &File)> =
        sources.iter().map(|source| (source.path.as_str(), &source.file)).collect();
    let bytes = sources.iter().fold(0_u64, |sum, source| sum.saturating_add(source.bytes));
    inspection::examine(ground, &files, Question { deadline: import::deadline(bytes), ..question })
}

/// Takes the package in, on the record.
fn add(
    ground: &Ground,
    examination: &Examination,
    sources: Vec<Source>,
    question: Question<'_>,
) -> Result<FromSupervisor, Failure> {
    let state = State::open(&examination.state, ground.privilege)?;
    let store = state.store()?;
    let auditor = auditor::start(ground, &state.ledger()?, &state.keys()?)?;
    let kept = state.keep_vkey(&auditor.checkpoint.vkey);
    let admitted = kept.and_then(|()| import::admit(ground, &store, sources, question));
    let stopped = auditor::stop(ground, auditor);
    let inspection = admitted?;
    stopped?;
    told(Ok(inspection), true)
}

fn told(
    answer: Result<proto::link::inspector::Inspection, Refused>,
    stored: bool,
) -> Result<FromSupervisor, Failure> {
    let inspection = Box::new(answer.map_err(|refused| refused.failure)?);
    Ok(FromSupervisor::Examined { inspection, stored })
}

/// What to call a directory while it is examined.
fn name(directory: &str) -> &str {
    directory.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(directory)
}
