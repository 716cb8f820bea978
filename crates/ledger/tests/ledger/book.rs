//! A ledger in memory, written as an auditor writes it.

use std::collections::BTreeMap;

use ledger::hash::leaf_hash;
use ledger::layout::{CHECKPOINT_PATH, JOURNAL_BYTES, JOURNAL_PATH, TILE_DIRECTORY};
use ledger::note::Signer;
use ledger::tile::{Kind, TILE_WIDTH, TilePath, push_entry};
use ledger::tree::Tree;
use ledger::{Body, Checkpoint, Record, journal};
use proto::event::{Event, LedgerFault, Lifecycle, LinkViolated, RequestAdmitted, RequestDenied};
use proto::{Code, Digest, KeyedDigest, ModelName, PackageDigest, RequestId, Secret};

/// The files of a ledger, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A ledger and its writer.
pub(crate) struct Book {
    pub(crate) files: Files,
    pub(crate) signer: Signer,
    /// Every record.
    pub(crate) records: Vec<Vec<u8>>,
    /// How many are under the checkpoint.
    pub(crate) published: usize,
    /// The checkpoint of all.
    pub(crate) head: String,
    counts: BTreeMap<String, u64>,
    offset: usize,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self::named("stockade.local/book", 7)
    }

    pub(crate) fn named(origin: &str, seed: u8) -> Self {
        let signer = Signer::new(origin, &Secret::new([seed; 32])).unwrap();
        let head = Checkpoint::sign(0, Tree::default().frontier().root(), &signer);
        let files = BTreeMap::from([
            (JOURNAL_PATH.to_owned(), vec![0; JOURNAL_BYTES]),
            (CHECKPOINT_PATH.to_owned(), head.clone().into_bytes()),
        ]);
        let (records, counts) = (Vec::new(), BTreeMap::new());
        Self { files, signer, records, published: 0, head, counts, offset: 0 }
    }

    pub(crate) fn vkey(&self) -> String {
        self.signer.verifier().vkey()
    }

    /// Appends a group to the journal.
    pub(crate) fn append(&mut self, group: &[(&str, Event)]) {
        let first = self.records.len() as u64;
        for (producer, event) in group {
            let count = self.counts.entry((*producer).to_owned()).or_default();
            let record = record(self.records.len() as u64, producer, *count, event);
            *count += 1;
            self.records.push(record);
        }
        let tree = tree(&self.records);
        self.head = Checkpoint::sign(tree.frontier().size(), tree.frontier().root(), &self.signer);
        let records = self.records[usize::try_from(first).unwrap()..].to_vec();
        let bytes = journal::encode(first, &records, &self.head).unwrap();
        let end = self.offset + bytes.len();
        self.files.get_mut(JOURNAL_PATH).unwrap()[self.offset..end].copy_from_slice(&bytes);
        self.offset = end;
    }

    /// A producer begins a new link, and after `skipped` records that are missing.
    pub(crate) fn recount(&mut self, producer: &str, count: u64) {
        self.counts.insert(producer.to_owned(), count);
    }

    /// Publishes everything. Partial tiles of earlier times stay until a full one replaces them.
    pub(crate) fn publish(&mut self) {
        for (path, bytes) in tiles(&self.records) {
            let partials = format!("{}/", path.partials_directory());
            if path.is_full() {
                self.files.retain(|path, _| !path.starts_with(&partials));
            }
            self.files.insert(path.to_string(), bytes);
        }
        self.files.insert(CHECKPOINT_PATH.to_owned(), self.head.clone().into_bytes());
        self.published = self.records.len();
    }

    /// Writes the journal from its start again.
    pub(crate) fn restart(&mut self) {
        self.offset = 0;
    }

    /// Appends many ordinary records, in groups of different sizes.
    pub(crate) fn fill(&mut self, to: usize) {
        while self.records.len() < to {
            let size = (1 + self.records.len() % 9).min(to - self.records.len());
            let group: Vec<(&str, Event)> =
                (0..size).map(|number| ordinary(self.records.len() + number)).collect();
            self.append(&group);
        }
    }

    /// A ledger with full and partial tiles on two levels, partial tiles of earlier times, groups that
    /// are not published yet, and after them groups of an earlier lap.
    pub(crate) fn grown() -> Self {
        let mut book = Self::new();
        book.fill(600);
        book.publish();
        book.fill(700);
        book.publish();
        book.restart();
        book.fill(725);
        book
    }
}

/// The files without their tiles, and the tiles that these records make.
pub(crate) fn with_tiles(files: &Files, records: &[Vec<u8>]) -> Files {
    let mut files = files.clone();
    files.retain(|path, _| !path.starts_with(TILE_DIRECTORY));
    files.extend(tiles(records).into_iter().map(|(path, bytes)| (path.to_string(), bytes)));
    files
}

pub(crate) fn tree(records: &[Vec<u8>]) -> Tree {
    let mut tree = Tree::default();
    for record in records {
        tree.append(leaf_hash(record), &mut |_| {});
    }
    tree
}

pub(crate) fn record(index: u64, producer: &str, seq: u64, event: &Event) -> Vec<u8> {
    let body = Body::new(event).unwrap();
    let nonce = leaf_hash(&index.to_le_bytes())[..16].try_into().unwrap();
    let time_us = 1_700_000_000_000_000 + index * 10;
    Record { index, time_us, nonce, producer, seq, body: &body }.encode().unwrap()
}

pub(crate) fn lifecycle(text: &str) -> Event {
    Event::Lifecycle(Lifecycle { phase: "started".to_owned(), version: text.to_owned() })
}

/// The auditor's word that a producer broke a rule.
pub(crate) fn violated(process: &str) -> Event {
    let rule = "record 9 came where 2 follows".to_owned();
    Event::LinkViolated(LinkViolated { process: process.to_owned(), worker: None, rule })
}

/// The auditor's word that it refused records.
pub(crate) fn refused(process: &str, first: u64, last: u64) -> Event {
    let (fault, why) = ("records_refused".to_owned(), "disk full".to_owned());
    Event::LedgerFault(LedgerFault {
        fault,
        process: Some(process.to_owned()),
        refused: Some((first, last)),
        why,
    })
}

fn tiles(records: &[Vec<u8>]) -> Vec<(TilePath, Vec<u8>)> {
    let (mut tree, mut tiles) = (Tree::default(), Vec::new());
    for record in records {
        tree.append(leaf_hash(record), &mut |tile| tiles.push((tile.path, tile.bytes)));
    }
    tiles.extend(tree.edge().into_iter().map(|tile| (tile.path, tile.bytes)));
    let width = usize::try_from(TILE_WIDTH).unwrap();
    for (number, bundle) in records.chunks(width).enumerate() {
        let path = TilePath::within(Kind::Entries, number as u64, records.len() as u64).unwrap();
        let mut bytes = Vec::new();
        for record in bundle {
            push_entry(&mut bytes, record);
        }
        tiles.push((path, bytes));
    }
    tiles
}

fn ordinary(number: usize) -> (&'static str, Event) {
    let package = PackageDigest(Digest::from_bytes([3; 32]));
    match number % 4 {
        0 => (
            "gateway",
            Event::RequestAdmitted(RequestAdmitted {
                request: RequestId(number as u64),
                principal: "alice".to_owned(),
                model: ModelName::parse("demo").unwrap(),
                package,
                route: "/v1/chat/completions".to_owned(),
                prompt: KeyedDigest([4; 32]),
                prompt_bytes: number as u64,
                stream: number.is_multiple_of(2),
            }),
        ),
        1 => (
            "gateway",
            Event::RequestDenied(RequestDenied {
                principal: None,
                route: "other".to_owned(),
                code: Code::InvalidApiKey,
            }),
        ),
        _ => ("supervisor", lifecycle(&number.to_string())),
    }
}
