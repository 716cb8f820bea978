//! From what went wrong to what the operator is told.

use std::{error::Error, io};

use proto::{Code, code::Failure};
use sandbox::{jail::JailError, lease::LeaseError};
use store::StoreError;

/// A failure of the host, at a step.
pub(crate) fn host<E: Into<io::Error>>(step: impl Into<String>) -> impl FnOnce(E) -> Failure {
    move |error| {
        let error: io::Error = error.into();
        Failure::new(Code::HostIo, format!("failed to {}: {error}", step.into()))
    }
}

/// A jail that could not be built.
pub(crate) fn jail(process: &str, error: &JailError) -> Failure {
    Failure::new(Code::SandboxRefused, format!("`{process}` was not started: {}", chain(error)))
        .with_hint("run `stockade doctor` to see what this host can enforce")
}

/// What the store refused.
pub(crate) fn store(error: &StoreError) -> Failure {
    let failure = Failure::new(error.code(), chain(error));
    match error.code() {
        Code::StoreTampered | Code::LeaseBroken => failure
            .with_hint("find out who changed the store; then add the package again: stockade package add"),
        Code::PackageNotFound => failure.with_hint("add the package first: stockade package add"),
        _ => failure,
    }
}

/// A lease that could not be had.
pub(crate) fn lease(path: &str, error: &LeaseError) -> Failure {
    let message = format!("stored `{path}` can't be kept from changing: {}", chain(error));
    match error {
        LeaseError::OpenForWriting { .. } => Failure::new(Code::StoreTampered, message)
            .with_hint("somebody has a stored file open for writing: find out who"),
        LeaseError::Refused { .. } => Failure::new(Code::HostIo, message).with_hint(
            "keep the state directory on a local file system that has leases, such as ext4, xfs or btrfs",
        ),
    }
}

/// An error and all its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
