//! A package of one GGUF file.

use std::collections::BTreeMap;

use proto::link::inspector::ModelSummary;

use super::{Reader, Tally};
use crate::config::{LlamaConfig, gguf_tensor_name};
use crate::gguf::{self, GgmlType, GgufError, GgufIndex, ValueKind};
use crate::rejection::Rejection;
use crate::template::Template;

pub(super) fn inspect(reader: &Reader<'_>, weights: &[&str]) -> Result<ModelSummary, Rejection> {
    let [path] = weights else {
        return Err(match weights {
            [] => Rejection::ModelFileMissing { path: "*.gguf" },
            _ => Rejection::WeightsMixed,
        });
    };
    let bytes = reader.bytes(path).unwrap_or(0);
    let beginning = beginning(reader, path, bytes)?;
    let wrong = |source| Rejection::Gguf { path: (*path).to_owned(), source };
    let (index, gaps) = GgufIndex::parse_header(&beginning, bytes).map_err(wrong)?;
    for gap in gaps {
        let gap = reader.part(path, gap.start as u64, gap.len() as u64)?;
        gguf::padding_is_zero(&gap).map_err(wrong)?;
    }
    let config = LlamaConfig::from_gguf(&index)?;
    tokens_are_texts(&index).map_err(wrong)?;
    let template = Template::from_gguf(&index)?;
    let mut tensors: BTreeMap<_, _> = index.tensors.iter().map(|tensor| (tensor.name, tensor)).collect();
    let mut tally = Tally::default();
    for (name, shape) in config.tensors() {
        let name = gguf_tensor_name(&name).unwrap_or(name);
        let Some(tensor) = tensors.remove(name.as_str()) else {
            return Err(Rejection::TensorMissing { name });
        };
        if tensor.shape() != shape {
            return Err(Rejection::TensorShape { name });
        }
        let plain = matches!(tensor.dtype, GgmlType::F32 | GgmlType::F16 | GgmlType::BF16);
        // Blocks for products within a computation, not for storage; and vectors are not quantised.
        let product = matches!(tensor.dtype, GgmlType::Q8_1 | GgmlType::Q8_K);
        if product || (shape.len() == 1 && !plain) {
            return Err(Rejection::TensorType { name });
        }
        tally.add(tensor.dtype.name(), tensor.elements(), tensor.range.len());
    }
    match tensors.into_keys().next() {
        Some(name) => Err(Rejection::TensorUnknown { name: name.to_owned() }),
        None => Ok(tally.summary("gguf", &config, template.as_ref())),
    }
}

/// Reads as much of a file's beginning as its header needs, in steps: its length stands nowhere.
fn beginning(reader: &Reader<'_>, path: &str, bytes: u64) -> Result<Vec<u8>, Rejection> {
    let most = bytes.min(gguf::HEADER_BYTES_MAX as u64 + 1);
    let mut length = most.min(FIRST_BYTES);
    loop {
        let beginning = reader.part(path, 0, length)?;
        let cut = matches!(GgufIndex::parse_header(&beginning, bytes), Err(GgufError::Truncated));
        if !cut || length == most {
            return Ok(beginning);
        }
        length = most.min(length.saturating_mul(4));
    }
}

/// Checks that each token is a text, and that what stands beside tokens has as many entries.
fn tokens_are_texts(index: &GgufIndex<'_>) -> Result<(), GgufError> {
    const TOKENS: &str = "tokenizer.ggml.tokens";
    let array = |key: &str| index.get(key).and_then(gguf::Value::as_array);
    let wrong = |key: &str| GgufError::ValueType { key: key.to_owned() };
    let tokens =
        array(TOKENS).filter(|tokens| tokens.kind() == ValueKind::Text).ok_or_else(|| wrong(TOKENS))?;
    for key in ["tokenizer.ggml.token_type", "tokenizer.ggml.scores"] {
        if index.get(key).is_some() && array(key).is_none_or(|beside| beside.len() != tokens.len()) {
            return Err(wrong(key));
        }
    }
    Ok(())
}

const FIRST_BYTES: u64 = 1024 * 1024;
