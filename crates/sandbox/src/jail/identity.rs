//! Who a jailed process is.

use crate::rootless::Privilege;

/// The first host identity of jailed processes: far above the ranges of users, services and the
/// subordinate ids that distributions hand out.
pub const BASE_ID: u32 = 1_900_000_000;

/// The id that a jailed process sees as its own. It isn't 0: nothing inside is a root.
pub(super) const INSIDE_ID: u32 = 1000;

/// Who a jailed process is outside its jail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Identity {
    outside: u32,
    privilege: Privilege,
}

impl Identity {
    /// The identity at `offset` from [`BASE_ID`] for a root supervisor. A rootless one can give only
    /// the operator's own identity, which the report then says.
    #[must_use]
    pub fn numbered(privilege: Privilege, offset: u16) -> Self {
        let outside = match privilege {
            Privilege::Root => BASE_ID + u32::from(offset),
            Privilege::Rootless => 0,
        };
        Self { outside, privilege }
    }

    /// The user and group id, as the supervisor's own user namespace counts.
    #[must_use]
    pub fn id(self) -> u32 {
        self.outside
    }

    /// The rights that the supervisor starts it with.
    #[must_use]
    pub fn privilege(self) -> Privilege {
        self.privilege
    }
}
