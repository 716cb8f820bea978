//! What a verified package's model files say, and whether they say the same.

mod gguf;
mod safetensors;

use std::collections::BTreeMap;
use std::io;

use proto::link::inspector::{Inspection, ModelSummary};

use crate::json::{self, Limits};
use crate::kind::Kind;
use crate::manifest::Format;
use crate::package::{Package, Verified};
use crate::rejection::Rejection;
use crate::{MANIFEST_PATH, hash};

/// Where a package's bytes come from. The package's paths only.
pub trait Source {
    /// Fills `into` from a file's bytes at `offset`.
    ///
    /// # Errors
    /// When the file cannot be read or ends before.
    fn read_at(&self, path: &str, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

/// Reads every model file of a package strictly, and compares them with each other.
///
/// # Errors
/// [`Rejection`] for the first thing that is wrong.
pub fn inspect(package: &Package<Verified>, source: &dyn Source) -> Result<Inspection, Rejection> {
    let reader = Reader { package, source };
    let weights = reader.sort()?;
    let model = match package.manifest().format {
        Format::Safetensors => safetensors::inspect(&reader, &weights)?,
        Format::Gguf => gguf::inspect(&reader, &weights)?,
    };
    let endorsement = package.endorsement();
    Ok(Inspection {
        package: package.digest(),
        name: package.manifest().name.clone(),
        version: package.manifest().version.clone(),
        signer: endorsement.signer.clone(),
        signer_key: endorsement.signer_key,
        files: package.files().to_vec(),
        bundle: package.bundle().clone(),
        model,
    })
}

/// Reads files of a verified package.
struct Reader<'p> {
    package: &'p Package<Verified>,
    source: &'p dyn Source,
}

impl Reader<'_> {
    /// Checks every file's kind, and those that no model reader looks at; gives the weights' paths.
    fn sort(&self) -> Result<Vec<&str>, Rejection> {
        let mut weights = Vec::new();
        for file in self.package.files().iter().filter(|file| file.path != MANIFEST_PATH) {
            let unsupported = || Rejection::KindUnsupported { path: file.path.clone() };
            let kind = Kind::of(&file.path).ok_or_else(unsupported)?;
            match kind {
                Kind::Safetensors | Kind::Gguf => {
                    if file.path.contains('/') {
                        return Err(unsupported());
                    }
                    let matches = match self.package.manifest().format {
                        Format::Safetensors => kind == Kind::Safetensors,
                        Format::Gguf => kind == Kind::Gguf,
                    };
                    if !matches {
                        return Err(Rejection::WeightsMixed);
                    }
                    weights.push(file.path.as_str());
                }
                // Bounded by its own reader.
                Kind::Json if file.path == TOKENIZER => {}
                Kind::Json => {
                    let wrong = |source| Rejection::Json { path: file.path.clone(), source };
                    json::check(&self.whole(&file.path)?, &JSON_LIMITS).map_err(wrong)?;
                }
                Kind::Jinja | Kind::Text => {
                    let text = self.whole(&file.path)?;
                    std::str::from_utf8(&text).map_err(|_| Rejection::NotText { path: file.path.clone() })?;
                }
            }
        }
        Ok(weights)
    }

    fn bytes(&self, path: &str) -> Option<u64> {
        self.package.files().iter().find(|file| file.path == path).map(|file| file.bytes)
    }

    /// A small file's bytes, compared with its digest once more: here they are really read.
    fn whole(&self, path: &str) -> Result<Vec<u8>, Rejection> {
        let missing = || Rejection::FileMissing { path: path.to_owned() };
        let file = self.package.files().iter().find(|file| file.path == path).ok_or_else(missing)?;
        if file.bytes > SMALL_BYTES_MAX {
            return Err(Rejection::TooLarge);
        }
        let text = self.part(path, 0, file.bytes)?;
        if hash::sha256(&text) == file.digest {
            Ok(text)
        } else {
            Err(Rejection::DigestMismatch { path: path.to_owned() })
        }
    }

    /// A small file's bytes, if the package has it.
    fn optional(&self, path: &str) -> Result<Option<Vec<u8>>, Rejection> {
        self.bytes(path).map(|_| self.whole(path)).transpose()
    }

    /// A small file's bytes, which a model cannot do without.
    fn required(&self, path: &'static str) -> Result<Vec<u8>, Rejection> {
        self.optional(path)?.ok_or(Rejection::ModelFileMissing { path })
    }

    /// Part of a file's bytes. The caller bounds how many.
    fn part(&self, path: &str, offset: u64, bytes: u64) -> Result<Vec<u8>, Rejection> {
        let length = usize::try_from(bytes).map_err(|_| Rejection::TooLarge)?;
        let mut part = vec![0; length];
        self.source
            .read_at(path, offset, &mut part)
            .map_err(|source| Rejection::Read { path: path.to_owned(), source })?;
        Ok(part)
    }
}

/// Counts what a summary tells.
#[derive(Default)]
struct Tally {
    parameters: u64,
    tensors: u32,
    weight_bytes: u64,
    dtypes: BTreeMap<&'static str, u32>,
}

impl Tally {
    fn add(&mut self, dtype: &'static str, elements: usize, bytes: usize) {
        self.parameters = self.parameters.saturating_add(elements as u64);
        self.weight_bytes = self.weight_bytes.saturating_add(bytes as u64);
        self.tensors = self.tensors.saturating_add(1);
        let count = self.dtypes.entry(dtype).or_default();
        *count = count.saturating_add(1);
    }

    fn summary(
        self,
        format: &str,
        config: &crate::config::LlamaConfig,
        template: Option<&crate::template::Template>,
    ) -> ModelSummary {
        ModelSummary {
            format: format.to_owned(),
            architecture: "llama".to_owned(),
            parameters: self.parameters,
            tensors: self.tensors,
            weight_bytes: self.weight_bytes,
            context_tokens: config.context_tokens,
            vocabulary: config.vocabulary,
            chat_template: template.map(crate::template::Template::digest),
            dtypes: self.dtypes.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        }
    }
}

const TOKENIZER: &str = "tokenizer.json";
/// Most bytes of a file that is read whole: the largest is a tokenizer.
const SMALL_BYTES_MAX: u64 = crate::tokenizer::BYTES_MAX as u64;
const JSON_LIMITS: Limits = Limits { bytes_max: 16 * 1024 * 1024, depth_max: 32, values_max: 2_000_000 };
