//! What protects what is being served, on one screen.

use ledger::Checkpoint;
use ledger::note::Verifier;
use proto::digest::to_hex;
use proto::posture::ControlStatus;

use crate::controls;
use crate::output::{Output, Paint};
use crate::text::{count, harmless};
use crate::view::{ServedModel, Serving};

/// The report's lines.
pub(crate) fn lines(serving: &Serving, output: Output) -> Vec<String> {
    let mut lines = Vec::new();
    for model in &serving.models {
        lines.extend(model_lines(model, output));
        lines.push(String::new());
    }
    lines.extend(controls::table(&columns(serving), output));
    lines.push(String::new());
    lines.push(format!("ledger    {}", ledger_line(serving)));
    lines.push(format!("verify by {}", harmless(&serving.vkey)));
    let url = output.paint(&format!("{}/v1", serving.url), Paint::Strong);
    lines.push(format!("API       {url} ({})", harmless(&serving.privilege)));
    lines
}

/// Every process with its controls, the workers first, by the model that each serves.
pub(crate) fn columns(serving: &Serving) -> Vec<(&str, &[ControlStatus])> {
    let workers = serving.models.iter().map(|model| (model.name.as_str(), model.controls.as_slice()));
    let others = serving.processes.iter().map(|process| (process.name.as_str(), process.controls.as_slice()));
    workers.chain(others).collect()
}

/// How many records the checkpoint covers, once its signature has verified.
pub(crate) fn ledger_line(serving: &Serving) -> String {
    let opened = Verifier::parse(&serving.vkey)
        .ok()
        .and_then(|verifier| Checkpoint::open(&serving.checkpoint, &verifier).ok());
    match opened {
        Some(Checkpoint { size, root, .. }) => format!("{size} records, root {}", to_hex(&root)),
        None => "its checkpoint does not verify".to_owned(),
    }
}

fn model_lines(model: &ServedModel, output: Output) -> Vec<String> {
    let package = &model.package;
    let name = output.paint(&model.name, Paint::Strong);
    vec![
        format!("{name}  {} {}", harmless(&package.name), harmless(&package.version)),
        format!("  package {}", package.digest),
        format!("  signer  {} ({})", harmless(&package.signer), package.signer_key),
        format!(
            "  model   {} in {}, {} parameters, {} tokens of context",
            harmless(&package.architecture),
            harmless(&package.format),
            count(package.parameters),
            package.context_tokens
        ),
        format!(
            "  ready   in {}.{} ms, verification included",
            model.start_us / 1000,
            model.start_us % 1000 / 100
        ),
    ]
}
