//! Records that are durable in the journal and wait to be published.

use std::sync::Arc;

use ledger::hash::leaf_hash;
use ledger::tile::{Kind, TILE_HEIGHT, TILE_WIDTH, TilePath, push_entry};
use ledger::tree::Tree;

/// The tree of everything durable, and the files it makes that are not published yet.
#[derive(Debug)]
pub(crate) struct Shelf {
    tree: Tree,
    /// Full tiles and bundles, oldest first.
    full: Vec<(TilePath, Arc<[u8]>)>,
    /// The bundle that the next record goes to.
    open: Vec<u8>,
}

impl Shelf {
    /// Goes on after a published tree, whose last bundle has these records if it is not full.
    pub(crate) fn new(tree: Tree, open_bundle: &[Vec<u8>]) -> Self {
        let mut open = Vec::new();
        for record in open_bundle {
            push_entry(&mut open, record);
        }
        Self { tree, full: Vec::new(), open }
    }

    /// The tree of everything durable.
    pub(crate) const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Takes in a record that has become durable.
    pub(crate) fn put(&mut self, record: &[u8]) {
        let Self { tree, full, open } = self;
        push_entry(open, record);
        tree.append(leaf_hash(record), &mut |tile| full.push((tile.path, tile.bytes.into())));
        let size = tree.frontier().size();
        if size.is_multiple_of(TILE_WIDTH) {
            let path = TilePath::full(Kind::Entries, size / TILE_WIDTH - 1);
            full.push((path, std::mem::take(open).into()));
        }
    }

    /// Every tile and bundle that changed since the last publication.
    pub(crate) fn tiles(&self) -> Vec<(TilePath, Arc<[u8]>)> {
        let mut tiles = self.full.clone();
        tiles.extend(self.tree.edge().into_iter().map(|tile| (tile.path, tile.bytes.into())));
        let size = self.tree.frontier().size();
        if let Some(path) = TilePath::within(Kind::Entries, size / TILE_WIDTH, size) {
            tiles.push((path, self.open.as_slice().into()));
        }
        tiles
    }

    /// Lets go of the full tiles of a tree of this size: they are published.
    pub(crate) fn published(&mut self, size: u64) {
        self.full.retain(|(path, _)| {
            let level = match path.kind() {
                Kind::Entries => 0,
                Kind::Hashes { level } => u32::from(level),
            };
            let full = size.checked_shr(TILE_HEIGHT * (level + 1)).unwrap_or_default();
            path.index() >= full
        });
    }
}
