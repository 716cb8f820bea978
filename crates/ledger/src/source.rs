//! Where a ledger's files come from.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::hash::{HASH_BYTES, Hash, split_hashes};
use crate::tampering::Tampering;
use crate::tile::{BUNDLE_BYTES_MAX, Kind, TILE_WIDTH, TilePath, split_bundle};

/// Reads files below a ledger's directory. Paths are relative, with `/`, and never have `..`.
pub trait TileSource {
    /// A whole file; nothing when there is none. A file over `bytes_max` is an error of kind
    /// [`io::ErrorKind::FileTooLarge`], and so is anything but a regular file.
    ///
    /// # Errors
    /// What the file system says.
    fn read(&mut self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>>;

    /// The names in a directory, in any order, without `.` and `..`; none when it does not exist.
    ///
    /// # Errors
    /// What the file system says, also when it is no directory.
    fn list(&mut self, directory: &str) -> io::Result<Vec<String>>;
}

/// Files in memory, by path.
impl TileSource for BTreeMap<String, Vec<u8>> {
    fn read(&mut self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        match self.get(path) {
            Some(bytes) if bytes.len() > bytes_max => Err(io::ErrorKind::FileTooLarge.into()),
            found => Ok(found.cloned()),
        }
    }

    fn list(&mut self, directory: &str) -> io::Result<Vec<String>> {
        if self.contains_key(directory) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let inside = |path: &String| {
            let rest = path.strip_prefix(directory)?.strip_prefix('/')?;
            Some(rest.split('/').next()?.to_owned())
        };
        Ok(self.keys().filter_map(inside).collect::<BTreeSet<_>>().into_iter().collect())
    }
}

/// Reads a file, with an error that names it.
pub(crate) fn read(
    source: &mut impl TileSource,
    path: &str,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, Tampering> {
    source.read(path, bytes_max).map_err(|source| Tampering::Unreadable { path: path.to_owned(), source })
}

/// Reads exactly the hashes of a tile. Where a partial tile was cleared away because the full one is
/// there, the full one's first hashes are it.
pub(crate) fn hashes(source: &mut impl TileSource, tile: TilePath) -> Result<Vec<Hash>, Tampering> {
    let full = usize::try_from(TILE_WIDTH).unwrap_or(usize::MAX);
    let (found, bytes) = either(source, tile, full * HASH_BYTES)?;
    let wrong = || Tampering::TileLength { path: found.to_string() };
    let mut hashes =
        split_hashes(&bytes).filter(|hashes| hashes.len() as u64 == found.width()).ok_or_else(wrong)?;
    hashes.truncate(usize::try_from(tile.width()).unwrap_or(full));
    Ok(hashes)
}

/// Reads exactly the records of a bundle, as [`hashes`] does.
pub(crate) fn records(source: &mut impl TileSource, tile: TilePath) -> Result<Vec<Vec<u8>>, Tampering> {
    let (found, bytes) = either(source, tile, BUNDLE_BYTES_MAX)?;
    let records = split_bundle(&bytes).filter(|records| records.len() as u64 == found.width());
    let records = records.ok_or_else(|| Tampering::BundleMalformed { path: found.to_string() })?;
    let width = usize::try_from(tile.width()).unwrap_or(usize::MAX);
    Ok(records.into_iter().take(width).map(<[u8]>::to_vec).collect())
}

fn either(
    source: &mut impl TileSource,
    tile: TilePath,
    bytes_max: usize,
) -> Result<(TilePath, Vec<u8>), Tampering> {
    for candidate in [tile, tile.filled()] {
        if let Some(bytes) = read(source, &candidate.to_string(), bytes_max)? {
            return Ok((candidate, bytes));
        }
    }
    Err(match tile.kind() {
        Kind::Entries => Tampering::BundleMissing { path: tile.to_string() },
        Kind::Hashes { .. } => Tampering::TileMissing { path: tile.to_string() },
    })
}
