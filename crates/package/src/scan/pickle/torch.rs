//! PyTorch's files around a pickle: the ZIP archive, the row of pickles before it, and the tar before
//! that.

use std::collections::BTreeSet;

use super::machine::{Context, Machine, Storages};
use super::value::Value;
use super::{check, interpret};
use crate::scan::budget::{Fault, malformed};
use crate::scan::content::Reader;
use crate::scan::examiner::Flavour;
use crate::scan::run::Scan;
use crate::scan::subject::Subject;
use crate::scan::zip::{Archive, Member};

/// The archive that `torch.save` writes.
pub(super) const ARCHIVE: Flavour =
    Flavour { name: "torch", recognise: is_archive, examine: examine_archive };

fn is_archive(archive: &Archive) -> bool {
    archive.members.iter().any(|member| top(&member.name).1 == "data.pkl")
}

/// The first component of a member's path, and the rest.
fn top(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("", name))
}

fn examine_archive(scan: &mut Scan<'_>, subject: &Subject<'_>, archive: &Archive) -> Result<(), Fault> {
    let mut tops = archive.members.iter().map(|member| top(&member.name));
    let Some((root, _)) = tops.find(|(_, rest)| *rest == "data.pkl") else {
        return malformed("has no pickle");
    };
    let within = |member: &Member| match top(&member.name) {
        (top, rest) if top == root => rest.to_owned(),
        _ => String::new(),
    };
    let mut storages = Storages::new();
    for member in archive.members.iter().filter(|member| !member.is_directory()) {
        let rest = within(member);
        let pickle = matches!(rest.as_str(), "data.pkl" | "constants.pkl");
        let known = SMALL.iter().find(|(name, _)| *name == rest);
        if pickle {
            Archive::with(scan, subject, ARCHIVE.name, member, |scan, inner| {
                let (end, found) = interpret(scan, inner, Context::Torch)?;
                scan.trailing(inner, end);
                storages.extend(found);
                Ok(())
            });
        } else if let Some((_, accepts)) = known {
            Archive::with(scan, subject, ARCHIVE.name, member, |_, inner| {
                let text = inner.content.whole(SMALL_BYTES_MAX)?;
                if accepts(&text) { Ok(()) } else { malformed("is not what PyTorch writes there") }
            });
        }
    }
    let is_storage = |member: &Member| {
        let rest = within(member);
        let key = rest.strip_prefix("data/").or_else(|| rest.strip_prefix("tensors/"));
        key.and_then(|key| storages.get(key)).copied()
    };
    let mut there = BTreeSet::new();
    for member in archive.members.iter().filter(|member| !member.is_directory()) {
        let rest = within(member);
        if matches!(rest.as_str(), "data.pkl" | "constants.pkl")
            || SMALL.iter().any(|(name, _)| *name == rest)
        {
            continue;
        }
        let Some((bytes, elements)) = is_storage(member) else {
            // Not a tensor's bytes: a file like any other.
            Archive::with(scan, subject, ARCHIVE.name, member, |scan, inner| {
                scan.inner(inner);
                Ok(())
            });
            continue;
        };
        there.insert(rest.split_once('/').map_or_else(String::new, |(_, key)| key.to_owned()));
        Archive::with(scan, subject, ARCHIVE.name, member, |scan, inner| {
            let found = inner.content.length();
            if bytes.checked_mul(elements) != Some(found) {
                let what = format!("has {found} bytes, its tensors use {elements} elements of {bytes}");
                scan.find(&check::STORAGE, inner, None, &what, &[]);
            }
            Ok(())
        });
    }
    if let Some(missing) = storages.keys().find(|key| !there.contains(*key)) {
        scan.find(&check::STORAGE, subject, None, &format!("has no bytes for storage {missing:?}"), &[]);
    }
    Ok(())
}

/// Members beside the pickle, and what may stand in them.
type Accepts = fn(&[u8]) -> bool;
const SMALL: &[(&str, Accepts)] = &[
    ("version", |text| text.trim_ascii().iter().all(u8::is_ascii_digit)),
    ("byteorder", |text| matches!(text, b"little" | b"big")),
    (".data/serialization_id", |text| text.iter().all(u8::is_ascii_digit)),
    (".format_version", |text| text.trim_ascii().iter().all(u8::is_ascii_digit)),
    (".storage_alignment", |text| text.trim_ascii().iter().all(u8::is_ascii_digit)),
];
const SMALL_BYTES_MAX: usize = 256;

/// Whether a file is the row of pickles that PyTorch wrote before 1.6.
pub(super) fn is_row(beginning: &[u8]) -> bool {
    beginning.starts_with(ROW_MAGIC)
}

/// Examines a row of pickles: a magic number, a version, the writer's system, the object, the storages'
/// names; then the storages' bytes.
pub(super) fn examine_row(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    scan.count("torch-legacy");
    let mut reader = subject.content.reader();
    let mut storages = Storages::new();
    for _ in 0..4 {
        let mut machine = Machine::new(&mut reader, Context::Torch, 0);
        let ran = machine.run();
        let found = std::mem::take(&mut machine.found);
        storages.append(&mut machine.storages);
        super::report(scan, subject, found);
        ran?;
    }
    let mut machine = Machine::new(&mut reader, Context::Plain, 0);
    let ran = machine.run();
    let found = std::mem::take(&mut machine.found);
    let mut keys = Vec::new();
    if let Ok(list @ Value::List(_)) = ran {
        for (of, _, item) in &machine.entries {
            if *of == list {
                keys.extend(machine.pool.text_of(*item).map(str::to_owned));
            }
        }
    }
    super::report(scan, subject, found);
    ran?;
    for key in &keys {
        let Some((bytes, elements)) = storages.remove(key) else {
            let what = format!("has bytes for storage {key:?}, which no tensor uses");
            scan.find(&check::STORAGE, subject, Some(reader.position()), &what, &[]);
            return Ok(reader.position());
        };
        storage(&mut reader, bytes, elements)?;
    }
    if let Some(missing) = storages.keys().next() {
        scan.find(&check::STORAGE, subject, None, &format!("has no bytes for storage {missing:?}"), &[]);
    }
    Ok(reader.position())
}

/// Passes over a storage: how many elements, then their bytes.
fn storage(reader: &mut Reader<'_>, bytes: u64, elements: u64) -> Result<(), Fault> {
    let said = u64::from_le_bytes(reader.array()?);
    match bytes.checked_mul(elements) {
        Some(all) if said == elements => reader.skip(all),
        _ => malformed("has a storage of another size than its tensors say"),
    }
}

const ROW_MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
