//! The tree's nodes, looked up in tiles.

use std::collections::BTreeMap;

use crate::hash::{Hash, node_hash};
use crate::source::{self, TileSource};
use crate::tampering::Tampering;
use crate::tile::{Kind, TILE_HEIGHT, TILE_WIDTH, TilePath};

/// Most tiles kept: a proof needs two for each of the eight levels.
const TILES_MAX: usize = 64;

/// Tiles of a tree of a certain size, read as they are needed.
pub(crate) struct Nodes<'a, S> {
    source: &'a mut S,
    size: u64,
    tiles: BTreeMap<TilePath, Vec<Hash>>,
}

impl<'a, S: TileSource> Nodes<'a, S> {
    pub(crate) fn new(source: &'a mut S, size: u64) -> Self {
        Self { source, size, tiles: BTreeMap::new() }
    }

    /// Takes a tile's hashes as given, such as those of records just read.
    pub(crate) fn assume(&mut self, tile: TilePath, hashes: Vec<Hash>) {
        self.tiles.insert(tile, hashes);
    }

    /// The root of the perfect subtree number `index` among those of `2^height` leaves.
    pub(crate) fn node(&mut self, height: u32, index: u64) -> Result<Hash, Tampering> {
        let (tile_level, above) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let level = u8::try_from(tile_level).unwrap_or(u8::MAX);
        let first = index << above;
        let count = self.size >> (tile_level * TILE_HEIGHT);
        let missing = || Tampering::NoSuchRecord { index: first << (tile_level * TILE_HEIGHT), size: count };
        let tile = TilePath::within(Kind::Hashes { level }, first / TILE_WIDTH, count).ok_or_else(missing)?;
        if !self.tiles.contains_key(&tile) {
            if self.tiles.len() >= TILES_MAX {
                self.tiles.pop_last();
            }
            let hashes = source::hashes(self.source, tile)?;
            self.tiles.insert(tile, hashes);
        }
        let start = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
        let hashes = self.tiles.get(&tile).and_then(|tile| tile.get(start..start + (1 << above)));
        hashes.and_then(fold).ok_or_else(missing)
    }
}

/// The root over a power of two of hashes.
fn fold(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}
