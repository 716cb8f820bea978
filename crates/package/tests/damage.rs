//! Real files, damaged at random: a reader refuses them or reads them, and does nothing else.
//!
//! The process may have so little memory that a length which is believed before it is compared with
//! the file ends the test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stockade_package::gguf::GgufIndex;
use stockade_package::safetensors::{SafetensorsIndex, header_end};
use stockade_package::tokenizer::Tokenizer;
use stockade_package::{Manifest, Trust, oms};

const ROUNDS: u32 = 6_000;
/// Writable memory that the test process may have: far less than a damaged length can claim.
const MEMORY_BYTES_MAX: u64 = 768 << 20;

#[test]
fn damaged_files_neither_crash_their_readers_nor_make_them_allocate_what_is_not_there() {
    let old = getrlimit(Resource::Data);
    setrlimit(Resource::Data, Rlimit { current: Some(MEMORY_BYTES_MAX), maximum: old.maximum }).unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    let read = |path: &str| fs::read(demo.join(path)).unwrap();
    let mut random = Random(0x5eed);

    let weights = read("package/model.safetensors");
    let header = &weights[..header_end(&weights).unwrap()];
    let gguf = read("package-gguf/model-q8_0.gguf");
    // The tensor list ends where the first tensor's numbers begin.
    let list = &gguf[..GgufIndex::parse(&gguf).unwrap().tensors[0].range.start];
    let tokenizer = read("package/tokenizer.json");
    let manifest = read("package/manifest.json");
    let bundle = read("package/model.sig");
    let (files, numbers) = (weights.len() as u64, gguf.len() as u64);

    let mut survived = 0;
    for _ in 0..ROUNDS {
        survived += u32::from(SafetensorsIndex::parse_header(&random.damage(header), files).is_ok());
        survived += u32::from(GgufIndex::parse_header(&random.damage(list), numbers).is_ok());
        survived += u32::from(Manifest::parse(&random.damage(&manifest)).is_ok());
        survived += u32::from(oms::verify(&random.damage(&bundle), &NOBODY).is_ok());
    }
    for _ in 0..ROUNDS / 60 {
        survived += u32::from(Tokenizer::check(&random.damage(&tokenizer)).is_ok());
    }
    // Damage within a text or a name is often well formed; most is not.
    assert!(survived < ROUNDS * 2, "{survived} of {} damaged files were accepted", ROUNDS * 4);
    setrlimit(Resource::Data, old).unwrap();
}

#[test]
fn the_demo_models_are_read_whole() {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    SafetensorsIndex::parse(&fs::read(demo.join("package/model.safetensors")).unwrap()).unwrap();
    GgufIndex::parse(&fs::read(demo.join("package-gguf/model-q8_0.gguf")).unwrap()).unwrap();
}

/// xorshift64*: the same damage in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    /// One to four changes: a bit, a length made extreme, a piece cut out, doubled, or the end cut off.
    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let length = self.below(64).min(bytes.len() - at);
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = [0, 0xff, b'"', b'{', b'9', 0x80][self.below(6)],
                2 => {
                    let extreme = [u64::MAX, 1 << 63, 1 << 40, u64::from(u32::MAX), 0][self.below(5)];
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].copy_from_slice(&extreme.to_le_bytes()[..end - at]);
                }
                3 => drop(bytes.drain(at..at + length.min(bytes.len() - 1))),
                4 => {
                    let piece = bytes[at..at + length].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    }
}

/// A signature is read before it is known that nobody is trusted.
const NOBODY: Trust<'_> = Trust { signers: &[], now_s: 0 };
