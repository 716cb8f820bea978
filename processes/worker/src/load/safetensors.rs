//! A package of safetensors files beside `config.json` and `tokenizer.json`.

use std::collections::BTreeMap;

use package::Rejection;
use package::config::LlamaConfig;
use package::kind::Kind;
use package::safetensors::{SafetensorsError, SafetensorsIndex, Tensor, header_end};

use super::{Found, LoadError, Shelf, weights};
use crate::decoder::Pairing;
use crate::folder::{Folder, Parts};
use crate::matrix::{Matrix, Stored};
use crate::prompt::Template;
use crate::tokens::Tokens;

pub(super) fn load(folder: &Folder) -> Result<Found, LoadError> {
    let mut config = LlamaConfig::from_json(&folder.required("config.json", JSON_BYTES_MAX)?)?;
    if let Some(text) = folder.optional("generation_config.json", JSON_BYTES_MAX)? {
        config = config.with_generation(&text)?;
    }
    let settings = folder.optional("tokenizer_config.json", JSON_BYTES_MAX)?;
    let jinja = folder.optional("chat_template.jinja", package::template::BYTES_MAX)?;
    let text = package::template::Template::from_files(settings.as_deref(), jinja.as_deref())
        .map_err(Rejection::from)?;
    let tokenizer = folder.required("tokenizer.json", package::tokenizer::BYTES_MAX)?;
    let tokens = Tokens::from_json(&tokenizer, settings.as_deref(), config.vocabulary)?;
    let template = text.map(|text| Template::new(text.as_str(), &tokens)).transpose()?;
    let mut shelf = Files::open(folder)?;
    let weights = weights(&config, &mut shelf)?;
    match shelf.tensors.into_keys().next() {
        Some(name) => Err(Rejection::TensorUnknown { name }.into()),
        None => Ok(Found { config, weights, pairing: Pairing::Halves, tokens, template }),
    }
}

/// Every tensor of every file that has not been taken yet.
struct Files {
    files: Vec<Parts>,
    tensors: BTreeMap<String, (usize, Tensor)>,
}

impl Files {
    fn open(folder: &Folder) -> Result<Self, LoadError> {
        let (mut files, mut tensors) = (Vec::new(), BTreeMap::new());
        for path in folder.of_kind(Kind::Safetensors) {
            let file = folder.parts(path)?;
            let wrong = |source: SafetensorsError| Rejection::Safetensors { path: path.to_owned(), source };
            let end = header_end(&file.part(0, HEADER_FIELD_BYTES)?).map_err(wrong)?;
            let index = SafetensorsIndex::parse_header(&file.part(0, end)?, file.bytes()).map_err(wrong)?;
            for tensor in index.tensors {
                let name = tensor.name.clone();
                if tensors.insert(name.clone(), (files.len(), tensor)).is_some() {
                    return Err(Rejection::TensorTwice { name }.into());
                }
            }
            files.push(file);
        }
        Ok(Self { files, tensors })
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<(Stored, Vec<u8>), LoadError> {
        let named = || name.to_owned();
        let (file, tensor) =
            self.tensors.remove(name).ok_or_else(|| Rejection::TensorMissing { name: named() })?;
        if tensor.shape != shape {
            return Err(Rejection::TensorShape { name: named() }.into());
        }
        let stored =
            Stored::of_safetensors(tensor.dtype).ok_or_else(|| Rejection::TensorType { name: named() })?;
        let file = self.files.get(file).ok_or_else(|| Rejection::TensorMissing { name: named() })?;
        Ok((stored, file.part(tensor.range.start as u64, tensor.range.len())?))
    }
}

impl Shelf for Files {
    fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<Matrix, LoadError> {
        let (stored, bytes) = self.take(name, &[rows, width])?;
        Matrix::new(rows, width, stored, &bytes)
            .map_err(|source| LoadError::Tensor { name: name.to_owned(), source })
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, LoadError> {
        let (stored, bytes) = self.take(name, &[length])?;
        super::vector(name, length, stored, &bytes)
    }
}

/// Bytes of the header's length, with which a file begins.
const HEADER_FIELD_BYTES: usize = 8;
/// Most bytes of a small file, as the inspector has it.
const JSON_BYTES_MAX: usize = 16 * 1024 * 1024;
