//! ZIP, read strictly: the two directories must agree, and their members cover every byte once.

mod archive;
mod behind;
mod check;
mod directory;
mod end;
mod extra;
mod local;

pub(crate) use archive::{Archive, Member};
pub(crate) use directory::wrong_name;

use super::budget::Fault;
use super::examiner::{Examiner, Flavour, Format, Looks};
use super::registry::EXAMINERS;
use super::run::Scan;
use super::subject::Subject;

pub(super) const EXAMINER: Examiner = Examiner {
    checks: check::ALL,
    looks: Looks::Format(Format {
        name: "zip",
        extensions: &[
            "zip", "npz", "pt", "pth", "bin", "ckpt", "pkl", "pickle", "keras", "mar", "model", "ptl",
        ],
        recognise: |head| head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(b"PK\x05\x06"),
        by_name: false,
        examine,
    }),
};

/// Archives behind something else.
pub(super) const BEHIND: Examiner = Examiner { checks: &[], looks: Looks::Every(behind::look) };

fn examine(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let end = end::find(scan, subject)?;
    let members = directory::read(scan, subject, &end)?;
    let archive = Archive { members: local::place(scan, subject, &end, members) };
    match flavours().find(|flavour| (flavour.recognise)(&archive)) {
        Some(flavour) => {
            scan.count(flavour.name);
            (flavour.examine)(scan, subject, &archive)?;
        }
        None => archive.each(scan, subject, EXAMINER_NAME, |_| true),
    }
    Ok(end.after)
}

fn flavours() -> impl Iterator<Item = &'static Flavour> {
    EXAMINERS.iter().filter_map(|examiner| match &examiner.looks {
        Looks::Archive(flavour) => Some(flavour),
        _ => None,
    })
}

const EXAMINER_NAME: &str = "zip";
