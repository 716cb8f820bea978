//! Takes a package from a directory into the store.

use std::{
    fs::File,
    io::{self, Seek as _},
    time::{Duration, Instant},
};

use proto::{
    PackageDigest,
    code::Failure,
    link::inspector::{Inspection, ListedFile, TrustedSigner},
};
use store::{Staging, Store};

use crate::{
    failure,
    failure::host,
    ground::Ground,
    inspection::{self, Examined, Question, Refused},
    recorder::COMMITTED_WITHIN,
    tree::{self, Source},
};

/// Takes a package in, unless it is there already: then loading it finds out whether it still is what
/// it was.
pub(crate) fn into_store(
    ground: &Ground,
    store: &Store,
    directory: &str,
    question: Question<'_>,
) -> Result<PackageDigest, Failure> {
    let mut sources = tree::list(directory)?;
    if let Some(package) = stored(store, &mut sources)? {
        return Ok(package);
    }
    admit(ground, store, sources, question).map(|inspection| inspection.package)
}

/// Copies files into the store, has the copies examined, records what was found, and only then admits
/// them.
pub(crate) fn admit(
    ground: &Ground,
    store: &Store,
    sources: Vec<Source>,
    question: Question<'_>,
) -> Result<Inspection, Failure> {
    let staging = copy(ground, store, sources, question.name)?;
    let Examined { answer, .. } = examine(ground, &staging, question)?;
    let record = inspection::record("add", &answer);
    ground.recorder.commit(record, Instant::now() + COMMITTED_WITHIN)?;
    let inspection = answer.map_err(|Refused { failure, .. }| failure)?;
    staging.commit(inspection.package, &listed(&inspection)).map_err(|error| failure::store(&error))?;
    Ok(inspection)
}

/// Copies files into the store's waiting room.
pub(crate) fn copy<'s>(
    ground: &Ground,
    store: &'s Store,
    sources: Vec<Source>,
    name: &str,
) -> Result<Staging<'s>, Failure> {
    let stage = format!("copying {name}");
    let all = sources.iter().fold(0_u64, |sum, source| sum.saturating_add(source.bytes));
    let (mut done, mut told) = (0, Instant::now());
    let mut progress = |bytes| {
        done += bytes;
        if told.elapsed() >= PROGRESS_EVERY {
            ground.operator.progress(&stage, done, all);
            told = Instant::now();
        }
    };
    let mut staging = store.stage();
    for Source { path, mut file, bytes, .. } in sources {
        rewind(&mut file)?;
        staging.copy(&path, bytes, &mut file, &mut progress).map_err(|error| failure::store(&error))?;
    }
    Ok(staging)
}

/// Has copied files examined, through the very descriptors.
pub(crate) fn examine(
    ground: &Ground,
    staging: &Staging<'_>,
    question: Question<'_>,
) -> Result<Examined, Failure> {
    let files: Vec<(&str, &File)> =
        staging.files().iter().map(|staged| (staged.listed.path.as_str(), &staged.file)).collect();
    let bytes = staging.files().iter().fold(0_u64, |sum, staged| sum.saturating_add(staged.listed.bytes));
    inspection::examine(ground, &files, Question { deadline: deadline(bytes), ..question })
}

/// When a package of this size must have been examined.
pub(crate) fn deadline(bytes: u64) -> Instant {
    Instant::now() + EXAMINED_WITHIN + Duration::from_secs(bytes / EXAMINED_BYTES_PER_S)
}

/// Every file that an examination names, the manifest first and the bundle last.
pub(crate) fn listed(inspection: &Inspection) -> Vec<ListedFile> {
    inspection.files.iter().chain([&inspection.bundle]).cloned().collect()
}

/// A question without a worker or an expectation, for a package on its way in.
pub(crate) fn question<'q>(name: &'q str, signers: &'q [TrustedSigner]) -> Question<'q> {
    Question { name, signers, expected: None, worker: None, deadline: deadline(0) }
}

/// The package that a directory holds, when exactly that is stored and not in quarantine.
fn stored(store: &Store, sources: &mut [Source]) -> Result<Option<PackageDigest>, Failure> {
    let Some(manifest) = sources.iter_mut().find(|source| source.path == MANIFEST_PATH) else {
        return Ok(None);
    };
    let package = PackageDigest(digest(manifest)?);
    // A list that can't be read is replaced by what is taken in now.
    let Ok(Some(list)) = store.find(package) else { return Ok(None) };
    if store.quarantined(package).is_some() || list.len() != sources.len() {
        return Ok(None);
    }
    for source in sources {
        let Some(known) = list.iter().find(|known| known.path == source.path) else { return Ok(None) };
        if known.bytes != source.bytes || known.digest != digest(source)? {
            return Ok(None);
        }
    }
    Ok(Some(package))
}

fn digest(source: &mut Source) -> Result<proto::Digest, Failure> {
    rewind(&mut source.file)?;
    store::digest_of(&mut source.file).map_err(host(format!("read `{}`", source.path)))
}

fn rewind(file: &mut File) -> Result<(), Failure> {
    file.rewind().map_err(|error: io::Error| host("read a file from its start")(error))
}

/// Where a package's manifest is: its digest is the package's name.
const MANIFEST_PATH: &str = "manifest.json";

const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// The wall-clock ceiling of an examination: a base, and the time for its bytes on a slow machine.
const EXAMINED_WITHIN: Duration = Duration::from_mins(1);
const EXAMINED_BYTES_PER_S: u64 = 32 << 20;
