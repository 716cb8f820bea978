//! The keys of `stockade.toml`. The reference is made of these comments, so they speak to operators.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Keys at the top of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct File {
    /// Directory of the store, the ledger and the keys. Unset: `/var/lib/stockade` for root, otherwise
    /// `$XDG_STATE_HOME/stockade` or `~/.local/state/stockade`.
    pub(crate) state: Option<PathBuf>,
    /// Address and port of the API. Only loopback addresses are accepted here; others must be given
    /// with `--listen`, each time.
    pub(crate) listen: String,
    /// Whether `/metrics` answers without an API key.
    pub(crate) metrics_open: bool,
    /// Most milliseconds from a worker's start to its being ready.
    pub(crate) start_ms_max: u64,
    /// Controls that may be degraded or absent, by name. A control that is not enforced and not listed
    /// refuses to start.
    pub(crate) accepted_controls: Vec<String>,
    /// Ceilings on every request.
    pub(crate) limits: Limits,
    /// What each model's worker reserves.
    pub(crate) engine: Engine,
    /// What each model's worker may use. The kernel enforces it from outside.
    pub(crate) ceilings: Ceilings,
    /// The models to serve.
    pub(crate) models: Vec<Model>,
    /// The publishers whose signatures count. With none, every package is refused.
    pub(crate) signers: Vec<Signer>,
    /// Who may ask. With none, `serve` makes a key for itself and shows it once.
    pub(crate) keys: Vec<Key>,
}

/// Ceilings on every client request, enforced by the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_field_names, reason = "a ceiling is named like one")]
pub(crate) struct Limits {
    /// Most bytes of a request's body.
    pub(crate) body_bytes_max: u64,
    /// Most bytes of a request's headers.
    pub(crate) header_bytes_max: u32,
    /// Most milliseconds a client may take to send its headers and body.
    pub(crate) read_ms_max: u64,
    /// Most messages in one conversation.
    pub(crate) messages_max: u32,
    /// Most tokens of prompt. The model's context is a ceiling too.
    pub(crate) prompt_tokens_max: u32,
    /// Most tokens of answer.
    pub(crate) output_tokens_max: u32,
    /// Most bytes of answer.
    pub(crate) output_bytes_max: u64,
    /// Most milliseconds from a request's arrival to the last byte of its answer.
    pub(crate) wall_ms_max: u64,
    /// Most requests in flight at once; one more is answered 429.
    pub(crate) in_flight_max: u32,
    /// Most requests in flight at once for one API key.
    pub(crate) in_flight_per_key_max: u32,
    /// Most open connections; one more is closed at once.
    pub(crate) connections_max: u32,
}

/// What each model's worker reserves at its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Engine {
    /// Sequences that generate at the same time.
    pub(crate) slots: u32,
    /// Most tokens of one sequence, prompt and answer together. The model's context is a ceiling too.
    pub(crate) context_tokens_max: u32,
    /// Requests that may wait for a slot; one more is refused.
    pub(crate) queue_max: u32,
    /// Threads of arithmetic. Unset: one for each processor.
    pub(crate) threads: Option<u32>,
}

/// What each model's worker may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Ceilings {
    /// Most memory, in MiB. The weights count.
    pub(crate) memory_mib: u64,
    /// Most processes and threads. Unset: the engine's threads and 12 more.
    pub(crate) pids: Option<u32>,
    /// Processor time, in thousandths of one processor. Unset: all of the engine's threads at once.
    pub(crate) cpu_millicores: Option<u32>,
    /// Most open files.
    pub(crate) files: u32,
}

/// A model to serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Model {
    /// The name that clients ask for.
    pub(crate) name: String,
    /// The package: a directory, or the digest (`sha256:…`) of one in the store.
    pub(crate) package: String,
    /// In place of the section `engine`, for this model.
    pub(crate) engine: Option<Engine>,
    /// In place of the section `ceilings`, for this model.
    pub(crate) ceilings: Option<Ceilings>,
}

/// A publisher whose signatures count: known by its key, or by a certificate and an identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Signer {
    /// The name under which records show the publisher.
    pub(crate) name: String,
    /// File of the public key, PEM.
    pub(crate) public_key: Option<PathBuf>,
    /// File of the root certificates, PEM, one of which must vouch for the publisher's certificate.
    pub(crate) certificate_root: Option<PathBuf>,
    /// Whose certificate it must be: an address (`release@example.org`), a URI, a host name, or a subject (`CN=Release,O=Example`).
    pub(crate) identity: Option<String>,
}

/// Somebody who may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Key {
    /// The name under which records show who asked.
    pub(crate) name: String,
    /// SHA-256 of the key, as `stockade key new` prints it (`sha256:…`).
    pub(crate) hash: String,
}

impl Default for File {
    fn default() -> Self {
        Self {
            state: None,
            listen: "127.0.0.1:8080".to_owned(),
            metrics_open: false,
            start_ms_max: 120_000,
            accepted_controls: Vec::new(),
            limits: Limits::default(),
            engine: Engine::default(),
            ceilings: Ceilings::default(),
            models: Vec::new(),
            signers: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            header_bytes_max: 16 * 1024,
            read_ms_max: 10_000,
            messages_max: 256,
            prompt_tokens_max: 16_384,
            output_tokens_max: 4096,
            output_bytes_max: 1024 * 1024,
            wall_ms_max: 300_000,
            in_flight_max: 64,
            in_flight_per_key_max: 32,
            connections_max: 1024,
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self { slots: 4, context_tokens_max: 4096, queue_max: 32, threads: None }
    }
}

impl Default for Ceilings {
    fn default() -> Self {
        Self { memory_mib: 2048, pids: None, cpu_millicores: None, files: 64 }
    }
}
