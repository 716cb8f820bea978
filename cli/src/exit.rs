//! What the exit status says. Its meanings are part of the interface.

use std::process::ExitCode;

use proto::Code;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It failed in a way that has no status of its own.
    Failed = 1,
    /// Its arguments or the configuration are wrong.
    Usage = 2,
    /// A package was refused.
    PackageRejected = 3,
    /// The ledger's records, tree and checkpoints do not agree.
    LedgerTampered = 4,
    /// This host refused something, or does not enforce a control that was asked for.
    HostRefused = 5,
    /// Stockade is not running.
    NotRunning = 6,
}

impl Exit {
    /// Every status and its meaning, for the reference.
    pub(crate) const ALL: &'static [(Self, &'static str)] = &[
        (Self::Done, "it did what was asked"),
        (Self::Failed, "it failed in a way that has no status of its own"),
        (Self::Usage, "its arguments or the configuration are wrong"),
        (Self::PackageRejected, "a package was refused"),
        (Self::LedgerTampered, "the ledger's records, tree and checkpoints do not agree"),
        (Self::HostRefused, "this host refused something, or does not enforce a control"),
        (Self::NotRunning, "Stockade is not running"),
    ];

    /// The status for a failure with this code.
    pub(crate) const fn of(code: Code) -> Self {
        match code {
            Code::ConfigInvalid => Self::Usage,
            Code::ManifestInvalid
            | Code::SignatureMissing
            | Code::SignatureMalformed
            | Code::SignatureInvalid
            | Code::SignerUntrusted
            | Code::DigestMismatch
            | Code::FileMissing
            | Code::FileUnexpected
            | Code::FileNotRegular
            | Code::PathInvalid
            | Code::PackageTooLarge
            | Code::FormatInvalid
            | Code::FormatUnsupported
            | Code::ContentUnsafe
            | Code::ScanCeiling
            | Code::ScanFailed
            | Code::StoreTampered
            | Code::LeaseBroken => Self::PackageRejected,
            Code::LedgerTampered => Self::LedgerTampered,
            Code::ControlNotEnforced
            | Code::SandboxRefused
            | Code::StartTimeout
            | Code::HostIo
            | Code::StateInUse => Self::HostRefused,
            Code::NotRunning => Self::NotRunning,
            _ => Self::Failed,
        }
    }

    /// The list for the end of `--help`.
    pub(crate) fn help() -> String {
        let line = |(exit, meaning): &(Self, &str)| format!("\n  {}  {meaning}", *exit as u8);
        format!("Exit status:{}", Self::ALL.iter().map(line).collect::<String>())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
