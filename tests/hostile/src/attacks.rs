//! Every attack there is.

mod environment;
mod files;
mod kernel;
mod network;
mod process;
mod resources;

use crate::Attack;

/// Every attack, by what it is after.
pub const FAMILIES: &[(&str, &[Attack])] = &[
    ("files", files::ATTACKS),
    ("network", network::ATTACKS),
    ("process", process::ATTACKS),
    ("kernel", kernel::ATTACKS),
    ("environment", environment::ATTACKS),
    ("resources", resources::ATTACKS),
];

/// Every attack.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    FAMILIES.iter().flat_map(|(_, attacks)| *attacks)
}

/// The attack of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Attack> {
    all().find(|attack| attack.name == name)
}
