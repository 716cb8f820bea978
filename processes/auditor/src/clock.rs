//! The process's edge: what time it is, and random bytes.

use std::io;
use std::time::SystemTime;

use rustix::rand::{GetRandomFlags, getrandom};

/// Microseconds since 1970-01-01T00:00:00Z.
#[expect(clippy::disallowed_methods, reason = "the one place where this process reads the clock")]
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// As many nonces as asked for.
///
/// # Errors
/// The kernel's.
pub(crate) fn nonces(count: usize) -> io::Result<Vec<[u8; 16]>> {
    let mut nonces = vec![[0; 16]; count];
    let bytes = nonces.as_flattened_mut();
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(drawn) => filled += drawn,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(nonces)
}
