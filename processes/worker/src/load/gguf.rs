//! A package of one GGUF file.

use package::Rejection;
use package::config::{LlamaConfig, gguf_tensor_name};
use package::gguf::{self, GgufError, GgufIndex, GgufTensor};
use package::kind::Kind;

use super::{Found, LoadError, Shelf, weights};
use crate::decoder::Pairing;
use crate::folder::{Folder, Parts};
use crate::matrix::{Matrix, Stored};
use crate::prompt::Template;
use crate::tokens::Tokens;

pub(super) fn load(folder: &Folder) -> Result<Found, LoadError> {
    let mut paths = folder.of_kind(Kind::Gguf);
    let path = paths.next().ok_or(Rejection::ModelFileMissing { path: "*.gguf" })?;
    if paths.next().is_some() {
        return Err(Rejection::WeightsMixed.into());
    }
    let file = folder.parts(path)?;
    let wrong = |source| Rejection::Gguf { path: path.to_owned(), source };
    let beginning = beginning(&file)?;
    let (index, gaps) = GgufIndex::parse_header(&beginning, file.bytes()).map_err(wrong)?;
    for gap in gaps {
        gguf::padding_is_zero(&file.part(gap.start as u64, gap.len())?).map_err(wrong)?;
    }
    let config = LlamaConfig::from_gguf(&index)?;
    let expected = config.tensors();
    if index.tensors.len() != expected.len() {
        // Such as the factors of a scaled rotary embedding: leaving them out would change the answers.
        let known = |tensor: &&GgufTensor<'_>| {
            expected.iter().any(|(name, _)| gguf_tensor_name(name).as_deref() == Some(tensor.name))
        };
        let name = index.tensors.iter().find(|tensor| !known(tensor)).map_or("", |tensor| tensor.name);
        return Err(Rejection::TensorUnknown { name: name.to_owned() }.into());
    }
    let tokens = Tokens::from_gguf(&index)?;
    let text = package::template::Template::from_gguf(&index).map_err(Rejection::from)?;
    let template = text.map(|text| Template::new(text.as_str(), &tokens)).transpose()?;
    let weights = weights(&config, &mut Tensors { file: &file, index: &index })?;
    Ok(Found { config, weights, pairing: Pairing::Neighbours, tokens, template })
}

struct Tensors<'f> {
    file: &'f Parts,
    index: &'f GgufIndex<'f>,
}

impl Tensors<'_> {
    fn take(&self, name: &str, shape: &[usize]) -> Result<(Stored, Vec<u8>), LoadError> {
        let name = gguf_tensor_name(name).unwrap_or_default();
        let Some(tensor) = self.index.tensor(&name) else {
            return Err(Rejection::TensorMissing { name }.into());
        };
        if tensor.shape() != shape {
            return Err(Rejection::TensorShape { name }.into());
        }
        let stored = Stored::of_gguf(tensor.dtype).ok_or(Rejection::TensorType { name })?;
        Ok((stored, self.file.part(tensor.range.start as u64, tensor.range.len())?))
    }
}

impl Shelf for Tensors<'_> {
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

/// Reads as much of the file's beginning as its header needs, in steps: its length stands nowhere.
fn beginning(file: &Parts) -> Result<Vec<u8>, LoadError> {
    let most = usize::try_from(file.bytes()).unwrap_or(usize::MAX).min(gguf::HEADER_BYTES_MAX + 1);
    let mut length = most.min(FIRST_BYTES);
    loop {
        let beginning = file.part(0, length)?;
        let cut = matches!(GgufIndex::parse_header(&beginning, file.bytes()), Err(GgufError::Truncated));
        if !cut || length == most {
            return Ok(beginning);
        }
        length = most.min(length.saturating_mul(4));
    }
}

const FIRST_BYTES: usize = 1024 * 1024;
