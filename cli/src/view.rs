//! What is shown and written as JSON of packages and of what is being served.

use proto::link::inspector::Inspection;
use proto::link::operator::ServingReport;
use proto::posture::ControlStatus;
use serde::{Deserialize, Serialize};

/// What is being served, and what protects it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Serving {
    /// Where the API listens.
    pub(crate) url: String,
    /// `root` or `rootless`.
    pub(crate) privilege: String,
    /// Each model.
    pub(crate) models: Vec<ServedModel>,
    /// Every other process.
    pub(crate) processes: Vec<Process>,
    /// The ledger's newest checkpoint, a signed note.
    pub(crate) checkpoint: String,
    /// The key that verifies it.
    pub(crate) vkey: String,
}

/// A model that is served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServedModel {
    /// The name clients ask for.
    pub(crate) name: String,
    /// What its package is.
    pub(crate) package: PackageView,
    /// Its worker's controls.
    pub(crate) controls: Vec<ControlStatus>,
    /// Microseconds from starting the worker to its being ready, verification included.
    pub(crate) start_us: u64,
}

/// A process and what confines it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its name in `topology.toml`.
    pub(crate) name: String,
    /// Its controls.
    pub(crate) controls: Vec<ControlStatus>,
}

/// An accepted package.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PackageView {
    /// SHA-256 of the manifest, `sha256:…`.
    pub(crate) digest: String,
    /// From the manifest.
    pub(crate) name: String,
    /// From the manifest.
    pub(crate) version: String,
    /// The operator's name for who signed it.
    pub(crate) signer: String,
    /// SHA-256 of the signer's public key.
    pub(crate) signer_key: String,
    /// `safetensors` or `gguf`.
    pub(crate) format: String,
    /// Such as `llama`.
    pub(crate) architecture: String,
    /// Numbers in all tensors.
    pub(crate) parameters: u64,
    /// How many tensors.
    pub(crate) tensors: u32,
    /// How many tensors of each type.
    pub(crate) dtypes: Vec<(String, u32)>,
    /// Bytes of weights.
    pub(crate) weight_bytes: u64,
    /// Tokens of context that the model was made for.
    pub(crate) context_tokens: u32,
    /// Tokens in the vocabulary.
    pub(crate) vocabulary: u32,
    /// SHA-256 of the chat template.
    pub(crate) chat_template: Option<String>,
    /// Every file, the signature bundle last.
    pub(crate) files: Vec<FileView>,
}

/// One file of a package.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileView {
    /// Path below the package.
    pub(crate) path: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// SHA-256 of its bytes, `sha256:…`.
    pub(crate) digest: String,
}

impl Serving {
    /// What a report says of the API at `url`.
    pub(crate) fn new(report: ServingReport, url: String) -> Self {
        let models = report.models.into_iter().map(|model| ServedModel {
            name: model.name.to_string(),
            package: PackageView::new(&model.inspection),
            controls: model.controls,
            start_us: model.start_us,
        });
        let processes = report.processes.into_iter().map(|(name, controls)| Process { name, controls });
        Self {
            url,
            privilege: report.privilege,
            models: models.collect(),
            processes: processes.collect(),
            checkpoint: report.checkpoint,
            vkey: report.vkey,
        }
    }
}

impl PackageView {
    /// What an inspection says.
    pub(crate) fn new(inspection: &Inspection) -> Self {
        let model = &inspection.model;
        let files = inspection.files.iter().chain([&inspection.bundle]).map(|file| FileView {
            path: file.path.clone(),
            bytes: file.bytes,
            digest: file.digest.to_string(),
        });
        Self {
            digest: inspection.package.to_string(),
            name: inspection.name.clone(),
            version: inspection.version.clone(),
            signer: inspection.signer.clone(),
            signer_key: inspection.signer_key.to_string(),
            format: model.format.clone(),
            architecture: model.architecture.clone(),
            parameters: model.parameters,
            tensors: model.tensors,
            dtypes: model.dtypes.clone(),
            weight_bytes: model.weight_bytes,
            context_tokens: model.context_tokens,
            vocabulary: model.vocabulary,
            chat_template: model.chat_template.map(|digest| digest.to_string()),
            files: files.collect(),
        }
    }
}
