//! The list of examiners. A file belongs to the first format that recognises it, so the more special
//! ones stand first.

use super::examiner::Examiner;
use super::{compressed, foreign, json, listing, numpy, pickle, tar, tensors, text, zip};

pub(super) const EXAMINERS: &[&Examiner] = &[
    &tensors::SAFETENSORS,
    &tensors::GGUF,
    &listing::EXAMINER,
    &zip::BEHIND,
    &zip::EXAMINER,
    &numpy::EXAMINER,
    &compressed::GZIP,
    &tar::EXAMINER,
    &foreign::EXAMINER,
    &pickle::EXAMINER,
    &compressed::ZLIB,
    &pickle::TORCH,
    &json::EXAMINER,
    &text::EXAMINER,
];
