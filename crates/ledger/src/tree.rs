//! The Merkle tree, growing by one leaf at a time, and the tiles that it fills.

use crate::hash::{Hash, empty_root, node_hash};
use crate::tile::{Kind, LEVELS_MAX, TILE_HEIGHT, TILE_WIDTH, TilePath};

/// The roots of the perfect subtrees that make up a tree, largest first: all that it takes to append
/// and to know the root.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    nodes: Vec<(u32, Hash)>,
}

impl Frontier {
    /// Leaves in the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_node(0, leaf, &mut |_, _| {});
    }

    /// RFC 6962's Merkle tree hash.
    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev().map(|(_, hash)| *hash);
        match nodes.next() {
            Some(last) => nodes.fold(last, |right, left| node_hash(&left, &right)),
            None => empty_root(),
        }
    }

    /// Appends a perfect subtree no higher than the lowest there is, and tells of each node that it
    /// completes on the way up.
    fn push_node(&mut self, height: u32, hash: Hash, completed: &mut impl FnMut(u32, Hash)) {
        self.size += 1 << height;
        let (mut height, mut hash) = (height, hash);
        while let Some((below, left)) = self.nodes.last().copied() {
            if below != height {
                break;
            }
            self.nodes.pop();
            hash = node_hash(&left, &hash);
            height += 1;
            completed(height, hash);
        }
        self.nodes.push((height, hash));
    }
}

/// A tile that is ready to be stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tile {
    /// Where it goes.
    pub path: TilePath,
    /// Its hashes, end to end.
    pub bytes: Vec<u8>,
}

/// A tree and the tiles at its right edge that are not full.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    frontier: Frontier,
    edge: Vec<Vec<Hash>>,
}

impl Tree {
    /// Takes up a tree of `size` leaves again from the tiles at its right edge. The caller compares
    /// the root with what it trusts.
    ///
    /// # Errors
    /// What `read` fails with: it is given each tile and answers with exactly its hashes.
    pub fn load<E>(size: u64, mut read: impl FnMut(TilePath) -> Result<Vec<Hash>, E>) -> Result<Self, E> {
        let mut tree = Self::default();
        for level in 0..LEVELS_MAX {
            let count = size >> (TILE_HEIGHT * u32::from(level));
            let tile = TilePath::within(Kind::Hashes { level }, count / TILE_WIDTH, count);
            tree.edge.push(tile.map(&mut read).transpose()?.unwrap_or_default());
        }
        for (hashes, level) in tree.edge.iter().zip(0..u32::from(LEVELS_MAX)).rev() {
            for hash in hashes {
                tree.frontier.push_node(level * TILE_HEIGHT, *hash, &mut |_, _| {});
            }
        }
        Ok(tree)
    }

    /// The tree without its tiles.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Appends a leaf and hands the tiles that it fills to `filled`.
    pub fn append(&mut self, leaf: Hash, filled: &mut impl FnMut(Tile)) {
        let Self { frontier, edge } = self;
        let before = frontier.size();
        push_hash(edge, 0, leaf, before, filled);
        frontier.push_node(0, leaf, &mut |height, hash| {
            if height % TILE_HEIGHT == 0 {
                push_hash(edge, height / TILE_HEIGHT, hash, before >> height, filled);
            }
        });
    }

    /// The tiles at the right edge, as far as they are filled.
    pub fn edge(&self) -> Vec<Tile> {
        let size = self.frontier.size();
        let edge = self.edge.iter().zip(0_u8..).filter(|(hashes, _)| !hashes.is_empty());
        edge.filter_map(|(hashes, level)| {
            let count = size >> (TILE_HEIGHT * u32::from(level));
            let path = TilePath::within(Kind::Hashes { level }, count / TILE_WIDTH, count)?;
            Some(Tile { path, bytes: join(hashes) })
        })
        .collect()
    }
}

/// Puts hash number `position` of its level at the edge; a tile that it fills leaves the edge.
fn push_hash(
    edge: &mut Vec<Vec<Hash>>,
    level: u32,
    hash: Hash,
    position: u64,
    filled: &mut impl FnMut(Tile),
) {
    let (Ok(row), Ok(level)) = (usize::try_from(level), u8::try_from(level)) else { return };
    if edge.len() <= row {
        edge.resize_with(row + 1, Vec::new);
    }
    let Some(hashes) = edge.get_mut(row) else { return };
    hashes.push(hash);
    if hashes.len() as u64 == TILE_WIDTH {
        let path = TilePath::full(Kind::Hashes { level }, position / TILE_WIDTH);
        filled(Tile { path, bytes: join(hashes) });
        hashes.clear();
    }
}

fn join(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}
