//! The tree's hash: SHA-256 with RFC 6962's separation of leaves from nodes.

use sha2::{Digest as _, Sha256};

/// A leaf's, a node's or a whole tree's SHA-256.
pub type Hash = [u8; 32];

/// Bytes of a [`Hash`].
pub const HASH_BYTES: usize = 32;

/// The hash of a record.
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// The hash of two subtrees, side by side.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without records.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Cuts a tile's bytes into its hashes; nothing when a piece is left over.
pub fn split_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    rest.is_empty().then(|| hashes.to_vec())
}
