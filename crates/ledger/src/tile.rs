//! Tiles: 256 hashes of one level, or 256 records, in a file; the last of each kind may be partial.

use std::fmt;

use crate::record::RECORD_BYTES_MAX;

/// Hashes or records in a full tile.
pub const TILE_WIDTH: u64 = 256;

/// Levels of binary tree that one level of tiles spans.
pub const TILE_HEIGHT: u32 = 8;

/// Levels of tiles that 2^64 records would need.
pub const LEVELS_MAX: u8 = 8;

/// Most bytes that a bundle of records has.
pub const BUNDLE_BYTES_MAX: usize = 256 * (2 + RECORD_BYTES_MAX);

/// What a tile holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Hashes at `8 * level` above the leaves.
    Hashes {
        /// Level of tiles; 0 holds the leaves' hashes.
        level: u8,
    },
    /// The records themselves.
    Entries,
}

/// A tile's place in the ledger's directory, as C2SP tlog-tiles spells it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TilePath {
    kind: Kind,
    index: u64,
    width: u64,
}

impl TilePath {
    /// A tile with all its 256 hashes or records.
    pub const fn full(kind: Kind, index: u64) -> Self {
        Self { kind, index, width: TILE_WIDTH }
    }

    /// The tile with number `index` in a tree where its kind has `count` hashes or records; nothing
    /// when that tree has no such tile yet.
    pub fn within(kind: Kind, index: u64, count: u64) -> Option<Self> {
        let width = count.checked_sub(index.checked_mul(TILE_WIDTH)?)?.min(TILE_WIDTH);
        (width > 0).then_some(Self { kind, index, width })
    }

    /// What it holds.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Its number among the tiles of its kind.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes or records it holds.
    pub const fn width(self) -> u64 {
        self.width
    }

    /// Whether it holds 256.
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile once it is full.
    #[must_use]
    pub const fn filled(self) -> Self {
        Self::full(self.kind, self.index)
    }

    /// The directory of a full tile's earlier, partial selves.
    pub fn partials_directory(self) -> String {
        format!("{}.p", self.filled())
    }

    /// Parses a path relative to the ledger's directory. A tile has one spelling.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes { level: level.parse().ok().filter(|level| *level < LEVELS_MAX)? },
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => {
                (number, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?)
            }
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for group in number.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok().filter(|part| *part < 1000)?)?;
        }
        let tile = Self { kind, index, width };
        (tile.to_string() == path).then_some(tile)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes { level } => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (position, group) in groups.iter().enumerate().rev() {
            if position > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Appends a record to a bundle, with two bytes of big-endian length before it.
pub fn push_entry(bundle: &mut Vec<u8>, record: &[u8]) {
    debug_assert!(record.len() <= RECORD_BYTES_MAX, "the encoder refuses larger records");
    let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(record);
}

/// Cuts a bundle into its records; nothing when it ends within one.
pub fn split_bundle(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (record, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        records.push(record);
        bundle = rest;
    }
    bundle.is_empty().then_some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_spelled_in_groups_of_three_digits() {
        let tile = TilePath::full(Kind::Hashes { level: 0 }, 1_234_067);
        assert_eq!(tile.to_string(), "tile/0/x001/x234/067");
        assert_eq!(TilePath::within(Kind::Entries, 1, 300).unwrap().to_string(), "tile/entries/001.p/44");
        assert_eq!(TilePath::within(Kind::Entries, 2, 300), None);
        assert_eq!(tile.partials_directory(), "tile/0/x001/x234/067.p");
    }

    #[test]
    fn a_path_has_one_spelling() {
        for good in ["tile/0/000", "tile/7/x001/000", "tile/entries/x999/x000/123.p/255"] {
            assert_eq!(TilePath::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "tile/0/0",
            "tile/00/000",
            "tile/8/000",
            "tile/0/x000/001",
            "tile/0/000.p/256",
            "tile/0/000.p/0",
            "tile/0/001/002",
            "tile/0/+01",
            "tile/0/x001/x002",
            "tile/data/000",
            "tile/0/000.p/01",
            "tile//000",
        ] {
            assert_eq!(TilePath::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bundle_cut_within_a_record_is_refused() {
        let mut bundle = Vec::new();
        push_entry(&mut bundle, b"one");
        push_entry(&mut bundle, b"");
        assert_eq!(split_bundle(&bundle).unwrap(), [b"one".as_slice(), b""]);
        bundle.pop();
        assert_eq!(split_bundle(&bundle), None);
    }
}
