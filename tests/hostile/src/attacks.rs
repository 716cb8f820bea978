//! Every attack there is.

mod environment;
mod files;
mod kernel;
mod network;
mod process;
mod resources;

use crate::Attack;

/// Every attack, in the order of the tables below it.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    [
        files::ATTACKS,
        network::ATTACKS,
        process::ATTACKS,
        kernel::ATTACKS,
        environment::ATTACKS,
        resources::ATTACKS,
    ]
    .into_iter()
    .flatten()
}

/// The attack of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Attack> {
    all().find(|attack| attack.name == name)
}
