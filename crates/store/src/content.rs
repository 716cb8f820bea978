//! Reading content once, through its hash.

use std::io::{self, Read, Write};

use proto::Digest;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of everything that a source still has.
///
/// # Errors
/// The source's own.
pub fn digest_of(source: &mut impl Read) -> io::Result<Digest> {
    copy(source, &mut io::sink(), u64::MAX, &mut |_| ()).map(|(digest, _)| digest)
}

/// Copies at most `bytes_max` bytes and gives their digest and number. `progress` is told how many
/// were copied each time.
pub(crate) fn copy(
    source: &mut impl Read,
    to: &mut impl Write,
    bytes_max: u64,
    progress: &mut dyn FnMut(u64),
) -> io::Result<(Digest, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES + PAGE_BYTES];
    // The hash reads whole pages faster than what begins in the middle of one.
    let aligned = buffer.as_ptr().align_offset(PAGE_BYTES).min(PAGE_BYTES);
    let buffer = buffer.get_mut(aligned..aligned + BUFFER_BYTES).unwrap_or_default();
    let mut source = source.take(bytes_max);
    let mut copied = 0;
    loop {
        let read = match source.read(buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = buffer.get(..read).unwrap_or_default();
        hash.update(part);
        to.write_all(part)?;
        copied += read as u64;
        progress(read as u64);
    }
    Ok((Digest::from_bytes(hash.finalize().into()), copied))
}

const BUFFER_BYTES: usize = 256 * 1024;
const PAGE_BYTES: usize = 4096;
