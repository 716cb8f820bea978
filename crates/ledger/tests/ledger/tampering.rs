//! A thousand ways to change a ledger, each noticed.

use ledger::journal::{self, ALIGNMENT};
use ledger::layout::{CHECKPOINT_PATH, JOURNAL_BYTES, JOURNAL_PATH};
use ledger::{Checkpoint, Tampering, verify, verify_against};

use crate::book::{Book, Files, lifecycle, record, tree, with_tiles};

/// How many.
const TAMPERINGS: usize = 1000;

/// A generator with a seed of its own: a failure can be seen again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, ceiling: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % ceiling as u64).unwrap()
    }
}

/// One way: changes the files, and says what it did.
type Way = fn(&Book, &mut Files, &mut Random) -> String;

/// Ways that are noticed by who has only the key.
const WAYS: &[Way] = &[
    flip_a_bit_of_a_tile,
    flip_a_bit_of_the_journal,
    cut_a_file,
    lengthen_a_file,
    remove_a_file,
    swap_two_tiles,
    add_a_file,
    change_a_record_and_its_tiles,
    remove_a_record_and_its_tiles,
    swap_two_records_and_their_tiles,
    insert_a_record_and_its_tiles,
    edit_the_checkpoint,
    put_back_an_older_checkpoint,
    sign_with_another_key,
    cut_the_journal,
    damage_a_group_before_the_last,
];

/// Ways that only who kept a checkpoint can notice: what is left is a ledger as it once was.
const WAYS_BACK: &[Way] = &[drop_the_last_groups, put_everything_back];

#[test]
fn every_one_of_a_thousand_tamperings_is_noticed() {
    let book = Book::grown();
    let (vkey, kept) = (book.vkey(), [book.head.as_str()]);
    verify_against(&mut book.files.clone(), &vkey, &kept).unwrap();
    let mut random = Random(0x7a3b_11c9_0d5e_f00d);
    for number in 0..TAMPERINGS {
        let all = WAYS.len() + WAYS_BACK.len();
        let way = number % all;
        let mut files = book.files.clone();
        let what = match WAYS.get(way) {
            Some(way) => way(&book, &mut files, &mut random),
            None => WAYS_BACK[way - WAYS.len()](&book, &mut files, &mut random),
        };
        assert!(files != book.files, "tampering {number} changed nothing: {what}");
        let found = if way < WAYS.len() {
            verify(&mut files, &vkey)
        } else {
            verify_against(&mut files, &vkey, &kept)
        };
        assert!(found.is_err(), "tampering {number} was not noticed: {what}");
    }
}

fn flip_a_bit_of_a_tile(_: &Book, files: &mut Files, random: &mut Random) -> String {
    let path = any_tile(files, random);
    let bytes = files.get_mut(&path).unwrap();
    let (at, bit) = (random.below(bytes.len()), random.below(8));
    bytes[at] ^= 1 << bit;
    format!("bit {bit} of byte {at} of {path}")
}

/// In any group but the last, whose loss cannot be told from a crash.
fn flip_a_bit_of_the_journal(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let groups = groups(book);
    let (start, end) = groups[random.below(groups.len() - 1)];
    let at = start + random.below(end - start);
    let bit = random.below(8);
    files.get_mut(JOURNAL_PATH).unwrap()[at] ^= 1 << bit;
    format!("bit {bit} of byte {at} of the journal")
}

fn cut_a_file(_: &Book, files: &mut Files, random: &mut Random) -> String {
    let path = any_file(files, random);
    let bytes = files.get_mut(&path).unwrap();
    bytes.truncate(random.below(bytes.len()));
    format!("{path} cut to {} bytes", bytes.len())
}

fn lengthen_a_file(_: &Book, files: &mut Files, random: &mut Random) -> String {
    let path = any_file(files, random);
    let more = 1 + random.below(64);
    let bytes = files.get_mut(&path).unwrap();
    bytes.extend(std::iter::repeat_n(0, more));
    format!("{path} longer by {more} bytes")
}

fn remove_a_file(book: &Book, files: &mut Files, random: &mut Random) -> String {
    // Partial tiles of earlier times may go: the tiles that grew from them have all that they had.
    let needed = with_tiles(&book.files, &book.records[..book.published]);
    let path = any_file(&needed, random);
    files.remove(&path).unwrap();
    format!("{path} removed")
}

fn swap_two_tiles(_: &Book, files: &mut Files, random: &mut Random) -> String {
    loop {
        let (one, other) = (any_tile(files, random), any_tile(files, random));
        if files[&one] != files[&other] {
            let (a, b) = (files[&one].clone(), files[&other].clone());
            files.insert(one.clone(), b);
            files.insert(other.clone(), a);
            return format!("{one} and {other} swapped");
        }
    }
}

fn add_a_file(_: &Book, files: &mut Files, random: &mut Random) -> String {
    let paths = [
        "tile/0/003",
        "tile/0/002.p/250",
        "tile/entries/003",
        "tile/entries/002.p/255",
        "tile/1/000.p/9",
        "tile/1/001",
        "tile/2/000.p/1",
        "tile/0/x001/000",
        "tile/0/00",
        "tile/more",
        "tile/entries/000.q/1",
        "tile/8/000",
    ];
    let path = paths[random.below(paths.len())];
    files.insert(path.to_owned(), vec![0; 32 * (1 + random.below(256))]);
    format!("{path} added")
}

fn change_a_record_and_its_tiles(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let (mut records, at) = published(book, random);
    let text = String::from_utf8(records[at].clone()).unwrap();
    let edits = [
        ("alice", "mallory"),
        ("\"seq\":", "\"seq\":1"),
        ("time_us\":1", "time_us\":2"),
        ("{\"v\":1", "{\"v\":2"),
    ];
    let (from, to) =
        *edits.get(random.below(edits.len())).filter(|(from, _)| text.contains(from)).unwrap_or(&edits[1]);
    records[at] = text.replacen(from, to, 1).into_bytes();
    *files = with_tiles(files, &records);
    format!("record {at} has {to} for {from}")
}

fn remove_a_record_and_its_tiles(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let (mut records, at) = published(book, random);
    records.remove(at);
    *files = with_tiles(files, &records);
    format!("record {at} removed")
}

fn swap_two_records_and_their_tiles(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let (mut records, one) = published(book, random);
    let other = (one + 1 + random.below(records.len() - 1)) % records.len();
    records.swap(one, other);
    *files = with_tiles(files, &records);
    format!("records {one} and {other} swapped")
}

fn insert_a_record_and_its_tiles(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let (mut records, at) = published(book, random);
    records.insert(at, record(at as u64, "gateway", random.below(1000) as u64, &lifecycle("mine")));
    *files = with_tiles(files, &records);
    format!("a record inserted at {at}")
}

fn edit_the_checkpoint(_: &Book, files: &mut Files, random: &mut Random) -> String {
    let note = String::from_utf8(files[CHECKPOINT_PATH].clone()).unwrap();
    let mut lines: Vec<String> = note.split('\n').map(str::to_owned).collect();
    let line = [0, 1, 2, 4][random.below(4)];
    let letters: Vec<char> = lines[line].chars().collect();
    let at = random.below(letters.len());
    let with = ['0', '5', 'A', 'z'].into_iter().find(|letter| *letter != letters[at]).unwrap();
    lines[line] =
        letters.iter().enumerate().map(|(i, letter)| if i == at { with } else { *letter }).collect();
    files.insert(CHECKPOINT_PATH.to_owned(), lines.join("\n").into_bytes());
    format!("letter {at} of line {line} of the checkpoint is {with}")
}

/// Signed by the right key, for a tree that the ledger had before what the journal continues.
fn put_back_an_older_checkpoint(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let size = 1 + random.below(book.published - 1);
    let root = tree(&book.records[..size]).frontier().root();
    files.insert(CHECKPOINT_PATH.to_owned(), Checkpoint::sign(size as u64, root, &book.signer).into_bytes());
    format!("the checkpoint is an older one, of {size} records")
}

fn sign_with_another_key(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let other = Book::named("stockade.local/book", u8::try_from(8 + random.below(200)).unwrap());
    let root = tree(&book.records[..book.published]).frontier().root();
    let note = Checkpoint::sign(book.published as u64, root, &other.signer);
    files.insert(CHECKPOINT_PATH.to_owned(), note.into_bytes());
    "the checkpoint is signed by another key".to_owned()
}

fn cut_the_journal(_: &Book, files: &mut Files, random: &mut Random) -> String {
    let length = random.below(JOURNAL_BYTES);
    files.get_mut(JOURNAL_PATH).unwrap().truncate(length);
    format!("the journal cut to {length} bytes")
}

fn damage_a_group_before_the_last(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let groups = groups(book);
    let (start, end) = groups[random.below(groups.len() - 1)];
    let from = start + random.below(end - start);
    files.get_mut(JOURNAL_PATH).unwrap()[from..end].fill(0);
    format!("the journal is empty from {from} to {end}")
}

fn drop_the_last_groups(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let groups = groups(book);
    let (from, _) = groups[random.below(groups.len())];
    files.get_mut(JOURNAL_PATH).unwrap()[from..groups.last().unwrap().1].fill(0);
    format!("the journal ends at {from}")
}

fn put_everything_back(book: &Book, files: &mut Files, random: &mut Random) -> String {
    let size = random.below(book.records.len());
    let mut older = Book::new();
    older.fill(size);
    older.publish();
    *files = older.files;
    format!("everything as it was at {size} records")
}

#[test]
fn a_second_history_under_the_right_key_is_noticed_by_who_kept_a_checkpoint() {
    let book = Book::grown();
    let mut other = Book::new();
    other.append(&[("gateway", lifecycle("not what happened"))]);
    other.fill(book.records.len() + 50);
    other.publish();
    verify(&mut other.files.clone(), &book.vkey()).unwrap();
    let found = verify_against(&mut other.files, &book.vkey(), &[&book.head]);
    assert!(matches!(found, Err(Tampering::RootDiffers { place, .. }) if place == "kept checkpoint"));
}

#[test]
fn what_was_changed_is_named() {
    let book = Book::grown();
    let vkey = book.vkey();
    let found = |change: &dyn Fn(&mut Files)| {
        let mut files = book.files.clone();
        change(&mut files);
        verify(&mut files, &vkey).unwrap_err().to_string()
    };
    assert_eq!(
        found(&|files| files.get_mut("tile/entries/001").unwrap()[300] ^= 1),
        "record 256 in `tile/entries/001` and its hash in the tree differ"
    );
    assert_eq!(found(&|files| drop(files.remove("tile/0/001"))), "`tile/0/001` is missing");
    assert_eq!(
        found(&|files| *files =
            with_tiles(files, &[&book.records[1..book.published], &book.records[..1]].concat())),
        "record 1 stands at place 0"
    );
    assert_eq!(found(&|files| drop(files.remove(CHECKPOINT_PATH))), "`checkpoint` is missing");
    assert_eq!(
        found(&|files| drop(files.insert("tile/entries/002.p/300".to_owned(), Vec::new()))),
        "`tile/entries/002.p/300` does not belong in a ledger"
    );
}

fn any_file(files: &Files, random: &mut Random) -> String {
    files.keys().nth(random.below(files.len())).unwrap().clone()
}

fn any_tile(files: &Files, random: &mut Random) -> String {
    loop {
        let path = any_file(files, random);
        if path.starts_with("tile/") {
            return path;
        }
    }
}

/// The published records and the place of one.
fn published(book: &Book, random: &mut Random) -> (Vec<Vec<u8>>, usize) {
    (book.records[..book.published].to_vec(), random.below(book.published))
}

/// Start and end of each group that counts, without padding.
fn groups(book: &Book) -> Vec<(usize, usize)> {
    let journal = &book.files[JOURNAL_PATH];
    let found = journal::scan(journal, book.published as u64).unwrap();
    assert!(found.len() > 3);
    let end = |after: usize| {
        let padded = &journal[after - ALIGNMENT..after];
        after - padded.iter().rev().take_while(|byte| **byte == 0).count()
    };
    found.iter().map(|group| (group.offset, end(group.after))).collect()
}
