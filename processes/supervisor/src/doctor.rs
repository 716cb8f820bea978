//! Tells what this host enforces, found by a probe inside a jail.

use std::fs;

use proto::{
    code::Failure,
    link::operator::{FromSupervisor, HostReport},
    posture::Status,
};
use sandbox::rootless::Privilege;

use crate::{
    cell::Reason,
    ground::{Ground, Launch},
    hints, topology,
};

/// Starts a jail, takes what its probe found, and ends it.
pub(crate) fn examine_host(ground: &Ground) -> Result<FromSupervisor, Failure> {
    let mut cell = ground.launch(Launch::of(&topology::INSPECTOR))?;
    let controls = std::mem::take(&mut cell.controls);
    cell.end(ground, Reason::Ordered);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let hints = controls
        .iter()
        .filter(|control| control.status != Status::Enforced)
        .map(|control| (control.control.clone(), hints::of(&control.control).to_owned()))
        .collect();
    let privilege = privilege(ground.privilege).to_owned();
    Ok(FromSupervisor::Host(HostReport { privilege, kernel: kernel.trim().to_owned(), controls, hints }))
}

/// How reports name the rights that we start processes with.
pub(crate) fn privilege(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Root => "root",
        Privilege::Rootless => "rootless",
    }
}
