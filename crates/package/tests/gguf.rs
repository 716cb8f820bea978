//! Every rule of GGUF, broken one at a time.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

use stockade_package::gguf::{ALIGNMENT_MAX, GgufError, GgufIndex, METADATA_MAX, TENSORS_MAX};

const U32: u32 = 4;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

/// A GGUF file, piece by piece.
#[derive(Clone)]
struct File {
    magic: [u8; 4],
    version: u32,
    tensors: Vec<Vec<u8>>,
    metadata: Vec<Vec<u8>>,
    numbers: Vec<u8>,
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), bytes].concat()
}

fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&text(key.as_bytes()), &kind.to_le_bytes()[..], value].concat()
}

fn tensor(name: &str, dimensions: &[u64], dtype: u32, offset: u64) -> Vec<u8> {
    let mut bytes = text(name.as_bytes());
    bytes.extend(u32::try_from(dimensions.len()).unwrap().to_le_bytes());
    for size in dimensions {
        bytes.extend(size.to_le_bytes());
    }
    bytes.extend(dtype.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

impl File {
    /// Two tensors: four numbers of F32, and a block of `Q8_0`, padded to 32 bytes each.
    fn good() -> Self {
        let mut numbers = vec![1; 16];
        numbers.resize(32, 0);
        numbers.extend([2; 34]);
        numbers.resize(96, 0);
        Self {
            magic: *b"GGUF",
            version: 3,
            tensors: vec![tensor("a", &[4], 0, 0), tensor("b", &[32], 8, 32)],
            metadata: vec![
                entry("general.architecture", TEXT, &text(b"llama")),
                entry("general.alignment", U32, &32_u32.to_le_bytes()),
                entry("yes", BOOL, &[1]),
                entry("list", ARRAY, &[&U32.to_le_bytes()[..], &2_u64.to_le_bytes(), &[0; 8]].concat()),
            ],
            numbers,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.metadata.len() as u64).to_le_bytes());
        bytes.extend(self.metadata.concat());
        bytes.extend(self.tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(&self.numbers);
        bytes
    }

    fn refused(&self) -> GgufError {
        GgufIndex::parse(&self.bytes()).expect_err("the file is not well formed")
    }

    /// The good file with one thing changed.
    fn with(change: impl FnOnce(&mut Self)) -> GgufError {
        let mut file = Self::good();
        change(&mut file);
        file.refused()
    }
}

#[test]
fn a_well_formed_file_says_what_it_holds() {
    for version in [2, 3] {
        let bytes = File { version, ..File::good() }.bytes();
        let index = GgufIndex::parse(&bytes).unwrap();
        assert_eq!(index.get("general.architecture").unwrap().as_text(), Some("llama"));
        assert_eq!(index.get("list").unwrap().as_array().unwrap().iter().count(), 2);
        assert_eq!(index.tensor("a").unwrap().bytes, [1; 16]);
        assert_eq!(index.tensor("b").unwrap().bytes, [2; 34]);
    }
}

#[test]
fn what_is_cut_anywhere_is_refused() {
    let bytes = File::good().bytes();
    // The padding behind the last tensor may be missing: not every writer adds it.
    for length in 0..bytes.len() - 30 {
        assert!(GgufIndex::parse(&bytes[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn counts_and_lengths_are_compared_with_what_is_there() {
    let header = |tensors: u64, entries: u64| {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(entries.to_le_bytes());
        GgufIndex::parse(&bytes).unwrap_err()
    };
    assert!(matches!(header(TENSORS_MAX as u64 + 1, 0), GgufError::TooMany { .. }));
    assert!(matches!(header(u64::MAX, 0), GgufError::TooMany { .. }));
    assert!(matches!(header(0, METADATA_MAX as u64 + 1), GgufError::TooMany { .. }));
    assert_eq!(header(1, 0), GgufError::Truncated);
    for length in [1 << 40, u64::MAX, u64::MAX / 4 + 1] {
        let long_text = entry("k", TEXT, &length.to_le_bytes());
        assert_eq!(File::with(|file| file.metadata.push(long_text)), GgufError::Truncated);
        for kind in [U32, TEXT, 0, 12] {
            let value = [&kind.to_le_bytes()[..], &length.to_le_bytes()].concat();
            assert_eq!(
                File::with(|file| file.metadata.push(entry("k", ARRAY, &value))),
                GgufError::Truncated
            );
        }
    }
}

#[test]
fn magic_version_names_and_values_follow_the_format() {
    assert_eq!(File::with(|file| file.magic = *b"GGML"), GgufError::Magic);
    for version in [0, 1, 4, 0x0300_0000] {
        assert_eq!(File::with(|file| file.version = version), GgufError::Version { found: version });
    }
    let adds = |extra: Vec<u8>| File::with(|file| file.metadata.push(extra));
    assert!(matches!(adds(entry("yes", BOOL, &[0])), GgufError::DuplicateKey { .. }));
    assert_eq!(adds(entry("", BOOL, &[0])), GgufError::Name);
    assert_eq!(adds(entry("a\nb", BOOL, &[0])), GgufError::Name);
    assert_eq!(adds(entry(&"k".repeat(257), BOOL, &[0])), GgufError::Name);
    assert_eq!(adds(entry("k", BOOL, &[2])), GgufError::NotBool);
    assert_eq!(adds(entry("k", TEXT, &text(b"\xff"))), GgufError::NotUtf8);
    assert!(matches!(adds(entry("k", 13, &[0; 8])), GgufError::ValueType { .. }));
    let nested = [&ARRAY.to_le_bytes()[..], &1_u64.to_le_bytes(), &[0; 16]].concat();
    assert!(matches!(adds(entry("k", ARRAY, &nested)), GgufError::ValueType { .. }));
    let bad = [&TEXT.to_le_bytes()[..], &1_u64.to_le_bytes(), &text(b"\xff")].concat();
    assert_eq!(adds(entry("k", ARRAY, &bad)), GgufError::NotUtf8);
    let bad = [&BOOL.to_le_bytes()[..], &1_u64.to_le_bytes(), &[7]].concat();
    assert_eq!(adds(entry("k", ARRAY, &bad)), GgufError::NotBool);
}

#[test]
fn an_alignment_is_a_power_of_two_within_bounds() {
    for alignment in [0, 1, 4, 33, 96, ALIGNMENT_MAX as u64 * 2, 0x8000_0000] {
        let value = entry("general.alignment", U32, &u32::try_from(alignment).unwrap().to_le_bytes());
        assert_eq!(File::with(|file| file.metadata[1] = value), GgufError::Alignment, "{alignment}");
    }
    let as_text = entry("general.alignment", TEXT, &text(b"32"));
    assert_eq!(File::with(|file| file.metadata[1] = as_text), GgufError::Alignment);
}

#[test]
fn dimensions_types_and_places_of_tensors_agree_with_the_file() {
    let second = |tensor: Vec<u8>| File::with(|file| file.tensors[1] = tensor);
    for dimensions in [
        &[][..],
        &[32, 0],
        &[0],
        &[33],
        &[32, 1, 1, 1, 1],
        &[u64::MAX - 31],
        &[1 << 32, 1 << 32],
        &[32, u64::MAX],
    ] {
        assert!(matches!(second(tensor("b", dimensions, 8, 32)), GgufError::Shape { .. }), "{dimensions:?}");
    }
    for dtype in [4, 5, 99, u32::MAX] {
        assert!(matches!(second(tensor("b", &[32], dtype, 32)), GgufError::Dtype { .. }), "{dtype}");
    }
    assert!(matches!(second(tensor("a", &[32], 8, 32)), GgufError::DuplicateTensor { .. }));
    for offset in [0, 16, 31, 33, 64, u64::MAX, u64::MAX - 64] {
        assert!(matches!(second(tensor("b", &[32], 8, offset)), GgufError::NotContiguous { .. }), "{offset}");
    }
    assert!(matches!(second(tensor("b", &[320], 8, 32)), GgufError::OutsideFile { .. }));
    assert!(matches!(second(tensor("b", &[1 << 40], 8, 32)), GgufError::OutsideFile { .. }));
}

#[test]
fn what_belongs_to_nothing_says_nothing() {
    assert_eq!(File::with(|file| file.numbers[20] = 1), GgufError::Padding);
    assert_eq!(File::with(|file| file.numbers[95] = 1), GgufError::Padding);
    assert!(matches!(File::with(|file| file.numbers.push(0)), GgufError::WrongEnd { .. }));
    assert!(matches!(File::with(|file| file.numbers.extend([0; 32])), GgufError::WrongEnd { .. }));
}
