//! What holds for every tree, record and proof.

use ledger::hash::{Hash, leaf_hash, node_hash};
use ledger::journal;
use ledger::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use ledger::tile::{Kind, TilePath};
use ledger::tree::{Frontier, Tree};
use ledger::{Body, Entry, Proof, Record};
use proptest::prelude::*;

use crate::book::lifecycle;

/// RFC 6962's definition, word for word: slow, and plainly right.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => ledger::hash::empty_root(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&defined(&leaves[..split]), &defined(&leaves[split..]))
        }
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_le_bytes())).collect()
}

fn node(leaves: &[Hash]) -> impl FnMut(u32, u64) -> Result<Hash, ()> {
    |height, index| {
        let start = usize::try_from(index << height).map_err(|_| ())?;
        leaves.get(start..start + (1 << height)).map(defined).ok_or(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_tree_has_the_root_that_rfc_6962_defines(count in 0_usize..700) {
        let leaves = leaves(count);
        let mut frontier = Frontier::default();
        for leaf in &leaves {
            frontier.push(*leaf);
        }
        prop_assert_eq!(frontier.root(), defined(&leaves));
        prop_assert_eq!(frontier.size(), count as u64);
    }

    #[test]
    fn a_tree_is_taken_up_again_from_the_tiles_at_its_edge(count in 0_usize..1500, more in 0_usize..300) {
        let leaves = leaves(count + more);
        let (mut tree, mut tiles) = (Tree::default(), std::collections::BTreeMap::new());
        for leaf in &leaves[..count] {
            tree.append(*leaf, &mut |tile| drop(tiles.insert(tile.path, tile.bytes)));
        }
        tiles.extend(tree.edge().into_iter().map(|tile| (tile.path, tile.bytes)));
        let read = |path: TilePath| ledger::hash::split_hashes(&tiles[&path]).ok_or(());
        let mut again = Tree::load(count as u64, read).unwrap();
        for leaf in &leaves[count..] {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            tree.append(*leaf, &mut |tile| one.push(tile));
            again.append(*leaf, &mut |tile| other.push(tile));
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(tree.frontier().root(), again.frontier().root());
        prop_assert_eq!(tree.edge(), again.edge());
    }

    #[test]
    fn a_proof_of_inclusion_holds_for_its_own_leaf_index_and_size_alone(
        size in 1_usize..300,
        at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let leaves = leaves(size);
        let (index, other, root) = (at.index(size), other.index(size), defined(&leaves));
        let hashes = inclusion(index as u64, size as u64, &mut node(&leaves)).unwrap();
        let holds = |leaf: usize, at: usize, size: usize, hashes: &[Hash]| {
            verify_inclusion(leaves[leaf], at as u64, size as u64, hashes, root)
        };
        prop_assert!(holds(index, index, size, &hashes));
        prop_assert_eq!(holds(other, index, size, &hashes), other == index);
        prop_assert_eq!(holds(index, other, size, &hashes), other == index);
        prop_assert!(!holds(index, size, size, &hashes));
        let mut changed = hashes.clone();
        if let Some(hash) = changed.first_mut() {
            hash[0] ^= 1;
            prop_assert!(!holds(index, index, size, &changed));
            prop_assert!(!holds(index, index, size, &hashes[1..]));
        }
        changed.clone_from(&hashes);
        changed.push([0; 32]);
        prop_assert!(!holds(index, index, size, &changed));
    }

    #[test]
    fn a_proof_of_consistency_holds_for_a_beginning_alone(new in 1_usize..300, at in any::<prop::sample::Index>()) {
        let leaves = leaves(new);
        let old = at.index(new) + 1;
        let (old_root, new_root) = (defined(&leaves[..old]), defined(&leaves));
        let hashes = consistency(old as u64, new as u64, &mut node(&leaves)).unwrap();
        prop_assert!(verify_consistency((old as u64, old_root), (new as u64, new_root), &hashes));
        let wrong = leaf_hash(b"another tree");
        prop_assert!(!verify_consistency((old as u64, wrong), (new as u64, new_root), &hashes));
        prop_assert!(!verify_consistency((old as u64, old_root), (new as u64, wrong), &hashes));
    }

    #[test]
    fn a_record_comes_back_as_it_was_written_and_has_one_spelling(
        text in any::<String>(), producer in "[a-z]{1,20}", index: u64, time_us: u64, seq: u64, nonce: [u8; 16],
    ) {
        let body = Body::new(&lifecycle(&text)).unwrap();
        let record = Record { index, time_us, nonce, producer: &producer, seq, body: &body };
        let bytes = record.encode().unwrap();
        prop_assert!(!bytes.iter().any(|byte| *byte < b' '), "a record is one line");
        let entry = Entry::parse(&bytes).unwrap();
        prop_assert_eq!((entry.index, entry.time_us, entry.seq), (index, time_us, seq));
        let data: serde_json::Value = serde_json::from_str(&entry.data).unwrap();
        prop_assert_eq!(data["version"].as_str(), Some(text.as_str()));
        let mut spaced = bytes.clone();
        spaced.insert(1, b' ');
        prop_assert!(Entry::parse(&spaced).is_err());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048), covered: u64) {
        let _ = journal::scan(&bytes, covered);
        let _ = Entry::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Proof::parse(&text);
        let _ = TilePath::parse(&text);
    }

    #[test]
    fn a_changed_byte_of_a_group_never_counts(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        at in any::<prop::sample::Index>(), flip in 1_u8..,
    ) {
        let mut bytes = journal::encode(0, &records, "note").unwrap();
        prop_assert_eq!(journal::scan(&bytes, 0).unwrap().len(), 1);
        let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes[at.index(last + 1)] ^= flip;
        prop_assert_eq!(journal::scan(&bytes, 0).unwrap().len(), 0);
    }

    #[test]
    fn a_tiles_path_is_read_as_it_is_written(index in 0_u64..1 << 40, width in 1_u64..=256, level in 0_u8..8) {
        for kind in [Kind::Entries, Kind::Hashes { level }] {
            let tile = TilePath::within(kind, index, index * 256 + width).unwrap();
            prop_assert_eq!(TilePath::parse(&tile.to_string()), Some(tile));
        }
    }
}
