//! What was found of a ledger, as a failure with its code.

use std::io;

use ledger::Tampering;
use proto::Code;
use proto::code::Failure;
use rustix::io::Errno;

use crate::failure::{usage, with_causes};

/// The failure for what was found.
pub(crate) fn fault(found: &Tampering) -> Failure {
    let text = with_causes(found);
    match found {
        Tampering::Key(_) | Tampering::NoSuchRecord { .. } => usage(text),
        Tampering::NotYetPublished { .. } => Failure::new(Code::LedgerUnavailable, text)
            .with_hint("it is published when the auditor runs: try again in a second"),
        Tampering::Unreadable { source, .. } if is_hosts(source) => Failure::new(Code::HostIo, text),
        _ => Failure::new(Code::LedgerTampered, text)
            .with_hint("nothing after this place can be trusted; compare with a checkpoint that you kept"),
    }
}

/// Whether an error tells of the host, and not of what somebody put in a file's place.
fn is_hosts(error: &io::Error) -> bool {
    let misplaced = [Errno::LOOP, Errno::NOTDIR, Errno::ISDIR].map(Errno::raw_os_error);
    let is_misplaced = error.raw_os_error().is_some_and(|number| misplaced.contains(&number));
    error.kind() != io::ErrorKind::FileTooLarge && !is_misplaced
}
