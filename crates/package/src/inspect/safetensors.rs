//! A package of safetensors files beside `config.json` and `tokenizer.json`.

use std::collections::BTreeMap;

use proto::link::inspector::ModelSummary;
use serde::Deserialize;

use super::{Reader, TOKENIZER, Tally};
use crate::config::LlamaConfig;
use crate::json;
use crate::rejection::Rejection;
use crate::safetensors::{self, Dtype, SafetensorsIndex, Tensor};
use crate::template::Template;
use crate::tokenizer::{Tokenizer, TokenizerError};

pub(super) fn inspect(reader: &Reader<'_>, weights: &[&str]) -> Result<ModelSummary, Rejection> {
    let mut config = LlamaConfig::from_json(&reader.required("config.json")?)?;
    if let Some(text) = reader.optional("generation_config.json")? {
        config = config.with_generation(&text)?;
    }
    let tokens = Tokenizer::check(&reader.required(TOKENIZER)?)?.tokens;
    if tokens > config.vocabulary {
        return Err(TokenizerError::Vocabulary { found: tokens, vocabulary: config.vocabulary }.into());
    }
    let template = Template::from_files(
        reader.optional("tokenizer_config.json")?.as_deref(),
        reader.optional("chat_template.jinja")?.as_deref(),
    )?;
    if weights.is_empty() {
        return Err(Rejection::ModelFileMissing { path: "*.safetensors" });
    }
    let mut tensors = BTreeMap::new();
    for path in weights {
        for tensor in index(reader, path)?.tensors {
            let name = tensor.name.clone();
            if tensors.insert(name.clone(), (*path, tensor)).is_some() {
                return Err(Rejection::TensorTwice { name });
            }
        }
    }
    weight_maps(reader, &tensors)?;
    let mut tally = Tally::default();
    for (name, shape) in config.tensors() {
        let Some((_, tensor)) = tensors.remove(&name) else {
            return Err(Rejection::TensorMissing { name });
        };
        if tensor.shape != shape {
            return Err(Rejection::TensorShape { name });
        }
        if !matches!(tensor.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            return Err(Rejection::TensorType { name });
        }
        tally.add(tensor.dtype.name(), tensor.elements(), tensor.range.len());
    }
    match tensors.into_keys().next() {
        Some(name) => Err(Rejection::TensorUnknown { name }),
        None => Ok(tally.summary("safetensors", &config, template.as_ref())),
    }
}

/// Reads a file's header and no more of it.
fn index(reader: &Reader<'_>, path: &str) -> Result<SafetensorsIndex, Rejection> {
    let wrong = |source| Rejection::Safetensors { path: path.to_owned(), source };
    let bytes = reader.bytes(path).unwrap_or(0);
    let end = safetensors::header_end(&reader.part(path, 0, bytes.min(8))?).map_err(wrong)?;
    let beginning = reader.part(path, 0, bytes.min(end as u64))?;
    SafetensorsIndex::parse_header(&beginning, bytes).map_err(wrong)
}

/// Checks that an index of shards, which other loaders follow, says what is really there.
fn weight_maps(reader: &Reader<'_>, tensors: &BTreeMap<String, (&str, Tensor)>) -> Result<(), Rejection> {
    for file in reader.package.files().iter().filter(|file| file.path.ends_with(".safetensors.index.json")) {
        let wrong = |source| Rejection::Json { path: file.path.clone(), source };
        let map: WeightMap = json::parse(&reader.whole(&file.path)?, &super::JSON_LIMITS).map_err(wrong)?;
        let there = tensors.iter().map(|(name, (path, _))| (name.as_str(), *path));
        if !map.weight_map.iter().map(|(name, path)| (name.as_str(), path.as_str())).eq(there) {
            return Err(Rejection::WeightMap { path: file.path.clone() });
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct WeightMap {
    weight_map: BTreeMap<String, String>,
}
