//! Members of the tar that the first PyTorch wrote: pickles with storages' and tensors' numbers between.

use super::machine::{Context, Machine};
use super::report;
use super::value::Value;
use crate::scan::budget::{Fault, malformed};
use crate::scan::content::Reader;
use crate::scan::run::Scan;
use crate::scan::subject::Subject;

/// Examines a member, whichever it is.
pub(crate) fn legacy_member(scan: &mut Scan<'_>, subject: &Subject<'_>) {
    let mut reader = subject.content.reader();
    let examined = match subject.name() {
        "storages" => row(scan, subject, &mut reader, after_storage),
        "tensors" => row(scan, subject, &mut reader, after_tensor),
        _ => one(scan, subject, &mut reader).map(drop),
    };
    match examined {
        Ok(()) => scan.trailing(subject, reader.position()),
        Err(fault) => scan.fault(subject, &fault),
    }
}

/// What one pickle of a row says about what follows it.
struct Said {
    count: Option<u64>,
    element_bytes: Option<u64>,
}

fn one(scan: &mut Scan<'_>, subject: &Subject<'_>, reader: &mut Reader<'_>) -> Result<Said, Fault> {
    let mut machine = Machine::new(reader, Context::TorchTar, 0);
    let ran = machine.run();
    let found = std::mem::take(&mut machine.found);
    let value = ran.as_ref().ok().copied().unwrap_or(Value::Unknown);
    let count = machine.pool.integer_of(value).and_then(|count| u64::try_from(count).ok());
    let element_bytes = machine.pool.items_of(value).and_then(|items| {
        let class = items.iter().find_map(|item| match item {
            Value::Global(place) => Some(machine.pool.global_of(*place)),
            _ => None,
        });
        class.and_then(|(module, name)| super::allowed::element_bytes(module, name))
    });
    report(scan, subject, found);
    ran?;
    Ok(Said { count, element_bytes })
}

/// A pickle with a number, then as many pickles with something behind each.
fn row(
    scan: &mut Scan<'_>,
    subject: &Subject<'_>,
    reader: &mut Reader<'_>,
    behind: fn(&mut Reader<'_>, &Said) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Some(count) = one(scan, subject, reader)?.count else {
        return malformed("does not say how many follow");
    };
    for _ in 0..count {
        let said = one(scan, subject, reader)?;
        behind(reader, &said)?;
    }
    // Views of storages stand behind them, in a pickle of their own.
    if reader.rest() > 0 {
        one(scan, subject, reader)?;
    }
    Ok(())
}

fn after_storage(reader: &mut Reader<'_>, said: &Said) -> Result<(), Fault> {
    let elements = u64::from_le_bytes(reader.array()?);
    match said.element_bytes.and_then(|bytes| bytes.checked_mul(elements)) {
        Some(bytes) => reader.skip(bytes),
        None => malformed("has a storage of a type that there is not"),
    }
}

/// Dimensions, sizes, strides and an offset.
fn after_tensor(reader: &mut Reader<'_>, _: &Said) -> Result<(), Fault> {
    let dimensions = u64::from(u32::from_le_bytes(reader.array()?));
    reader.skip(4)?;
    reader.skip(dimensions.saturating_mul(16).saturating_add(8))
}
