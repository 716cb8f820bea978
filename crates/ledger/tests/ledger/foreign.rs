//! Other people's code reads what ours writes, and refuses what ours refuses.

use ledger::hash::leaf_hash;
use ledger::note::{Signer, Verifier};
use ledger::proof::{self, verify_consistency};
use ledger::{Hash, Ledger, Proof};
use proto::Secret;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{TileHashReader, TileReader};

use crate::book::{Book, Files, tree};

/// Our files, as their reader of tiles wants them.
struct Tiles<'a>(&'a Files);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // Their paths name the height, which C2SP fixed later.
        let path = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| self.0[&path(tile)].clone()).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash)
}

#[test]
fn their_notes_verify_ours_and_read_the_same_checkpoint() {
    let book = Book::grown();
    let verifier = StandardVerifier::new(&book.vkey()).unwrap();
    let note = Note::from_bytes(book.head.as_bytes()).unwrap();
    let (accepted, _) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(accepted.len(), 1);
    let found = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((found.origin(), found.size()), ("stockade.local/book", 725));
    assert_eq!(*found.hash(), theirs(tree(&book.records).frontier().root()));
    assert_eq!(found.extension(), "");
}

#[test]
fn a_note_that_they_sign_opens_with_our_verifier() {
    let seed = [9_u8; 32];
    let signer = Signer::new("log.example", &Secret::new(seed)).unwrap();
    let mut key = vec![1];
    key.extend(seed);
    let vkey = signer.verifier().vkey();
    let id = vkey.split('+').nth(1).unwrap();
    let skey = format!("PRIVATE+KEY+log.example+{id}+{}", base64(&key));
    let theirs = signed_note::StandardSigner::new(&skey).unwrap();
    let mut note = Note::new(b"hello\n", &[]).unwrap();
    note.add_sigs(&[&theirs]).unwrap();
    let text = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(Verifier::parse(&vkey).unwrap().open(&text).unwrap(), "hello\n");
    assert_eq!(text, signer.sign("hello\n"));
}

#[test]
fn their_tree_over_our_tiles_has_our_root_and_proves_our_records() {
    let mut book = Book::grown();
    book.publish();
    let (size, root) = (725, tree(&book.records).frontier().root());
    let tiles = Tiles(&book.files);
    let reader = TileHashReader::new(size, theirs(root), &tiles);
    assert_eq!(tlog_tiles::tree_hash(size, &reader).unwrap(), theirs(root));
    for index in [0, 1, 255, 256, 511, 512, 700, 724] {
        let record = &book.records[usize::try_from(index).unwrap()];
        let hash = theirs(leaf_hash(record));
        let made = tlog_tiles::prove_record(size, index, &reader).unwrap();
        tlog_tiles::check_record(&made, size, theirs(root), index, hash).unwrap();
        // Proofs have one form: ours and theirs are the same hashes.
        let mut ledger = Ledger::open(book.files.clone(), &book.vkey()).unwrap();
        let ours = ledger.prove(index).unwrap();
        assert_eq!(made, ours.hashes.iter().copied().map(theirs).collect::<Vec<_>>());
        ours.verify(record, &book.signer.verifier()).unwrap();
        assert_eq!(Proof::parse(&ours.to_string()).unwrap(), ours);
    }
}

#[test]
fn our_consistency_proofs_are_theirs() {
    let mut book = Book::new();
    book.fill(300);
    book.publish();
    let root = tree(&book.records).frontier().root();
    let tiles = Tiles(&book.files);
    let reader = TileHashReader::new(300, theirs(root), &tiles);
    for old in [1, 2, 3, 128, 255, 256, 257, 299, 300] {
        let old_root = tree(&book.records[..usize::try_from(old).unwrap()]).frontier().root();
        let made = tlog_tiles::prove_tree(300, old, &reader).unwrap();
        tlog_tiles::check_tree(&made, 300, theirs(root), old, theirs(old_root)).unwrap();
        let hashes: Vec<Hash> = made.iter().map(|hash| hash.0).collect();
        assert!(verify_consistency((old, old_root), (300, root), &hashes), "{old}");
        let node = &mut |height: u32, index: u64| -> Result<Hash, ()> {
            let (start, count) = (usize::try_from(index << height).unwrap(), 1 << height);
            Ok(tree(&book.records[start..start + count]).frontier().root())
        };
        assert_eq!(proof::consistency(old, 300, node).unwrap(), hashes, "{old}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
