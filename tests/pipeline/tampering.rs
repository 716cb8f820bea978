//! A thousand random tamperings with a real ledger: each is found.

use std::{collections::BTreeMap, fs, path::Path};

use stockade_tests::{Ledger, Options, Stockade, command, demo, places};

type Files = BTreeMap<String, Vec<u8>>;

/// A small generator of numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Everything below a ledger's directory, by relative path.
fn files(directory: &Path) -> Files {
    fn walk(root: &Path, at: &Path, found: &mut Files) {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = Files::new();
    walk(directory, directory, &mut found);
    found
}

/// The records of a bundle: each has its length in two bytes before it.
fn split(bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut rest = bundle;
    while let [high, low, tail @ ..] = rest {
        let (record, after) = tail.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        records.push(record.to_vec());
        rest = after;
    }
    records
}

fn join(records: &[Vec<u8>]) -> Vec<u8> {
    let length = |record: &Vec<u8>| u16::try_from(record.len()).unwrap().to_be_bytes();
    records.iter().flat_map(|record| length(record).into_iter().chain(record.iter().copied())).collect()
}

/// Changes, removes, exchanges or inserts a record, with or without the tile of hashes made to fit.
fn tamper_with_records(random: &mut Random, files: &mut Files) -> String {
    let bundles: Vec<String> =
        files.keys().filter(|name| name.starts_with("tile/entries/")).cloned().collect();
    let name = bundles[random.below(bundles.len())].clone();
    let mut records = split(&files[&name]);
    let at = random.below(records.len());
    let what = match random.below(5) {
        0 => {
            let byte = random.below(records[at].len());
            records[at][byte] ^= 1 << random.below(8);
            "changed"
        }
        1 => {
            // A change that stays well formed: another digit.
            let digits: Vec<usize> =
                (0..records[at].len()).filter(|byte| records[at][*byte].is_ascii_digit()).collect();
            let byte = digits[random.below(digits.len())];
            records[at][byte] = b'0' + (records[at][byte] - b'0' + 1) % 10;
            "changed in a digit"
        }
        2 => {
            records.remove(at);
            "removed"
        }
        3 => {
            let other = (at + 1 + random.below(records.len() - 1)) % records.len();
            records.swap(at, other);
            "exchanged"
        }
        _ => {
            let again = records[random.below(records.len())].clone();
            records.insert(at, again);
            "inserted"
        }
    };
    files.insert(name.clone(), join(&records));
    let fitted = random.below(2) == 0;
    if fitted {
        let tile = name.replace("tile/entries/", "tile/0/");
        let hashes = records.iter().flat_map(|record| ledger::hash::leaf_hash(record)).collect();
        files.insert(tile, hashes);
    }
    format!("record {at} of {name} {what}, hashes made to fit: {fitted}")
}

/// Changes a bit of a file, cuts it short, makes it longer, or removes it.
fn tamper_with_files(random: &mut Random, files: &mut Files) -> String {
    let names: Vec<String> =
        files.keys().filter(|name| name.starts_with("tile/") || *name == "checkpoint").cloned().collect();
    let name = names[random.below(names.len())].clone();
    let mut bytes = files[&name].clone();
    let what = match random.below(4) {
        0 | 1 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
            format!("a bit of byte {at} changed")
        }
        2 => {
            bytes.truncate(random.below(bytes.len()));
            format!("cut to {} bytes", bytes.len())
        }
        _ => {
            if is_superseded(&name, files) {
                return format!("{name} left alone");
            }
            files.remove(&name);
            return format!("{name} removed");
        }
    };
    files.insert(name.clone(), bytes);
    format!("{name}: {what}")
}

/// Whether a partial tile has grown since: nothing is lost with it.
fn is_superseded(name: &str, files: &Files) -> bool {
    let Some((tile, width)) = name.split_once(".p/") else { return false };
    let width: usize = width.parse().unwrap();
    let grown = |other: &String| {
        let other = other.strip_prefix(tile).and_then(|rest| rest.strip_prefix(".p/"));
        other.is_some_and(|other| other.parse::<usize>().unwrap() > width)
    };
    files.contains_key(tile) || files.keys().any(grown)
}

/// A ledger of more than one bundle of records, as a stopped Stockade left it.
fn real_ledger(state: &Path) {
    let stockade = Stockade::start(Options::demo().state(state));
    let request = demo::prompt("greeting").request(2);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..35 {
                    assert_eq!(stockade.post("/v1/chat/completions", &request).status(), 200);
                }
            });
        }
    });
    assert_eq!(stockade.stop().code, Some(0));
}

#[test]
fn a_thousand_random_tamperings_with_a_real_ledger_are_each_found() {
    let state = places::scratch("state");
    real_ledger(state.path());
    let programs = places::programs(places::Build::Development);
    assert_eq!(Ledger::new(programs, state.path()).verify().code, Some(0), "untouched, it verifies");
    let vkey = fs::read_to_string(state.path().join("ledger.vkey")).unwrap();
    let whole = files(&state.path().join("ledger"));
    let mut same = whole.clone();
    let summary = ledger::verify(&mut same, vkey.trim()).unwrap();
    assert!(summary.size > 256, "{} records", summary.size);
    let mut random = Random(0x0123_4567_89ab_cdef);
    for round in 0..1000 {
        let mut tampered = whole.clone();
        let what = if round % 2 == 0 {
            tamper_with_records(&mut random, &mut tampered)
        } else {
            tamper_with_files(&mut random, &mut tampered)
        };
        if tampered == whole {
            continue;
        }
        // Everything by the library that the command uses, every fortieth by the command itself.
        assert!(ledger::verify(&mut tampered.clone(), vkey.trim()).is_err(), "not found: {what}");
        if round % 40 < 2 {
            found_by_command(programs, state.path(), &tampered, &what);
        }
    }
}

fn found_by_command(programs: &Path, state: &Path, tampered: &Files, what: &str) {
    let copy = places::scratch("tampered");
    fs::copy(state.join("ledger.vkey"), copy.path().join("ledger.vkey")).unwrap();
    for (name, bytes) in tampered {
        let path = copy.path().join("ledger").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let ran = command::audit(programs, copy.path(), &["verify", "--json"]);
    assert_eq!((ran.code, ran.failure_code().as_str()), (Some(4), "ledger_tampered"), "{what}: {ran:?}");
}

#[test]
fn a_record_is_shown_and_proved_to_who_holds_only_the_key() {
    let stockade = Stockade::start(Options::demo());
    assert_eq!(stockade.chat("Hello!").status(), 200);
    let record = stockade.records_named("request_admitted").pop().unwrap();
    let index = record["index"].to_string();
    let shown = command::audit(stockade.programs(), stockade.state(), &["show", "--json", &index]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let shown: serde_json::Value = serde_json::from_str(shown.output.trim()).unwrap();
    assert_eq!(shown["data"]["prompt"], record["data"]["prompt"]);
    let proved = stockade_tests::eventually("a proof under a published checkpoint", || {
        let ran = command::audit(stockade.programs(), stockade.state(), &["prove", &index]);
        (ran.code == Some(0)).then_some(ran)
    });
    assert!(proved.output.contains("c2sp.org/tlog-proof@v1"), "{proved:?}");
}
