//! Every fixture, broken in thousands of ways: never a panic, never a ceiling without a finding, never
//! an endless scan.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::benign::fixtures;
use crate::build::{evil, part, torch, zip};
use crate::{one, refusals};

/// One way to break a file.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
    Copy(Index, Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => any::<Index>().prop_map(Damage::Cut),
        2 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Damage::Repeat(one, other)),
        2 => (any::<Index>(), any::<Index>(), 1_u8..32).prop_map(|(from, to, length)| Damage::Copy(from, to, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match damage {
        Damage::Set(at, byte) => bytes[at.index(length)] = *byte,
        Damage::Cut(at) => bytes.truncate(at.index(length)),
        Damage::Insert(at, inserted) => {
            drop(bytes.splice(at.index(length)..at.index(length), inserted.iter().copied()));
        }
        Damage::Repeat(one, other) => {
            let (one, other) = (one.index(length), other.index(length));
            let range = bytes[one.min(other)..one.max(other).min(one.min(other) + 4096)].to_vec();
            bytes.extend(range);
        }
        Damage::Copy(from, to, count) => {
            let (from, to) = (from.index(length), to.index(length));
            let count = usize::from(*count).min(length - from).min(length - to);
            bytes.copy_within(from..from + count, to);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_file_is_examined_all_the_same(
        which in any::<Index>(),
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        let mut files = fixtures();
        let (name, mut bytes) = files.swap_remove(which.index(files.len()));
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        let report = one(&name, &bytes);
        prop_assert!(report.findings.len() <= 4096);
        prop_assert!(report.findings.iter().all(|finding| finding.what.chars().all(|c| !c.is_control())));
    }

    #[test]
    fn bytes_of_any_kind_under_any_name_are_examined(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        name in prop::sample::select(vec!["a.pkl", "a.pt", "a.npy", "a.zip", "a.tar", "a.gz", "a.joblib", "a.json", "a.txt", "a.gguf", "a.safetensors", "a"]),
        magic in prop::sample::select(vec![&b""[..], b"\x80\x04", b"PK\x03\x04", b"\x93NUMPY\x01\0", b"\x1f\x8b\x08\0", b"\x78\x9c", b"GGUF"]),
    ) {
        one(name, &[magic, &bytes].concat());
    }

    /// Whatever else is in the file, a stream that begins with a call is refused.
    #[test]
    fn nothing_behind_a_call_makes_it_harmless(behind in prop::collection::vec(any::<u8>(), 0..300)) {
        let start = evil();
        let stream = [&start[..start.len() - 1], &behind].concat();
        prop_assert!(refusals(&one("a.pkl", &stream)).contains(&"pickle.call"));
        prop_assert!(refusals(&one("a.pt", &torch(&stream, &[]))).contains(&"pickle.call"));
        prop_assert!(refusals(&one("a.zip", &zip(&[part("b.pkl", &stream)]))).contains(&"pickle.call"));
    }
}
