//! Pickle in every wrapper: interpreted, never executed.

mod allowed;
mod check;
mod joblib;
mod legacy_tar;
mod machine;
mod opcode;
mod torch;
mod value;

use super::budget::Fault;
use super::content::Content;
use super::examiner::{Examiner, Format, Looks};
use super::run::Scan;
use super::subject::Subject;
pub(super) use legacy_tar::legacy_member;
use machine::{Context, Found, Machine, Storages};

pub(super) use machine::dtype_of;

/// Whether elements of that type are objects.
pub(super) fn dtype_holds_objects(text: &str) -> bool {
    text.trim_start_matches(['<', '>', '=', '|']).starts_with('O')
}

pub(super) const EXAMINER: Examiner = Examiner {
    checks: check::ALL,
    looks: Looks::Format(Format {
        name: "pickle",
        extensions: &[
            "pkl", "pickle", "pck", "p", "dill", "joblib", "pt", "pth", "bin", "ckpt", "dat", "data", "sav",
            "th", "model",
        ],
        recognise: |head| match head.bytes {
            [opcode::PROTO, 2..=5, first, ..] => opcode::argument(*first).is_some(),
            _ => false,
        },
        by_name: true,
        examine,
    }),
};

/// Archives of PyTorch.
pub(super) const TORCH: Examiner = Examiner { checks: &[], looks: Looks::Archive(torch::ARCHIVE) };

pub(super) fn examine(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    if torch::is_row(&subject.content.beginning(16)?) {
        return torch::examine_row(scan, subject);
    }
    interpret(scan, subject, Context::Plain).map(|(end, _)| end)
}

/// Interprets a pickle, and reports what it would do. Gives where it ends, and the storages it uses.
fn interpret(scan: &mut Scan<'_>, subject: &Subject<'_>, context: Context) -> Result<(u64, Storages), Fault> {
    let mut reader = subject.content.reader();
    let mut machine = Machine::new(&mut reader, context, 0);
    let ran = machine.run();
    let found = std::mem::take(&mut machine.found);
    let storages = std::mem::take(&mut machine.storages);
    report(scan, subject, found);
    ran?;
    let end = reader.position();
    let rest = subject.content.part(end, subject.content.length().saturating_sub(end))?;
    if rest.length() > 0
        && let Some(found) = acts(rest, 0)?
    {
        let what = format!("has another pickle after its end, which {}", found.what);
        scan.find(&check::APPENDED, subject, Some(end.saturating_add(found.offset)), &what, &[]);
    }
    Ok((end, storages))
}

fn report(scan: &mut Scan<'_>, subject: &Subject<'_>, found: Vec<Found>) {
    for Found { check, offset, what, .. } in found {
        let mut shown = [0; 32];
        let left = usize::try_from(subject.content.length().saturating_sub(offset)).unwrap_or(32).min(32);
        let shown = shown.get_mut(..left).unwrap_or_default();
        let read = subject.content.read_at(offset, shown).is_ok();
        scan.find(check, subject, Some(offset), &what, if read { shown } else { &[] });
    }
}

/// What the bytes would do that is refused, if they were unpickled; nothing when that is not clear.
///
/// # Errors
/// [`Fault`] when they cannot be read or a ceiling was met; not when they are no pickle.
pub(super) fn acts(content: Content<'_>, depth: u32) -> Result<Option<ActsFound>, Fault> {
    let mut reader = content.reader();
    let mut machine = Machine::new(&mut reader, Context::Plain, depth).at_most(STEPS_MAX);
    let ended = match machine.run() {
        Ok(_) => true,
        Err(fault @ Fault::Read(_)) => return Err(fault),
        Err(Fault::Ceiling("time")) => return Err(Fault::Ceiling("time")),
        Err(_) => false,
    };
    let said = |found: &Found| found.explicit || ended;
    let found = machine.found.into_iter().filter(said).max_by_key(|found| found.check.severity);
    Ok(found.map(|found| ActsFound { what: found.what, offset: found.offset }))
}

/// What bytes would do.
#[derive(Debug)]
pub(super) struct ActsFound {
    pub(super) what: String,
    pub(super) offset: u64,
}

/// Opcodes after which bytes that are not said to be a pickle are none.
const STEPS_MAX: u64 = 100_000;
