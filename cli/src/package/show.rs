//! A package on one screen.

use crate::output::{Output, Paint};
use crate::text::{bytes, count, harmless};
use crate::view::PackageView;

/// The lines about a package.
pub(super) fn lines(package: &PackageView, output: Output) -> Vec<String> {
    let dtypes: Vec<String> =
        package.dtypes.iter().map(|(name, tensors)| format!("{} ({tensors})", harmless(name))).collect();
    let template = package.chat_template.as_deref().unwrap_or("none");
    let rows = [
        ("name", format!("{} {}", harmless(&package.name), harmless(&package.version))),
        ("digest", package.digest.clone()),
        ("signer", format!("{} ({})", harmless(&package.signer), package.signer_key)),
        ("model", format!("{} in {}", harmless(&package.architecture), harmless(&package.format))),
        ("parameters", format!("{} in {} tensors", count(package.parameters), package.tensors)),
        ("weights", format!("{}: {}", bytes(package.weight_bytes), dtypes.join(", "))),
        ("context", format!("{} tokens, vocabulary of {}", package.context_tokens, package.vocabulary)),
        ("template", template.to_owned()),
    ];
    let mut lines: Vec<String> = rows
        .into_iter()
        .map(|(name, value)| format!("{} {value}", output.paint(&format!("{name:10}"), Paint::Faint)))
        .collect();
    lines.push(output.paint("files", Paint::Faint));
    let shown = package.files.iter().take(FILES_SHOWN);
    lines.extend(shown.map(|file| {
        format!("  {:>10}  {}  {}", bytes(file.bytes), short(&file.digest), harmless(&file.path))
    }));
    if let Some(more) = package.files.len().checked_sub(FILES_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more (--json lists them)"));
    }
    lines
}

/// Enough of a digest to tell files apart.
fn short(digest: &str) -> &str {
    digest.get(.."sha256:".len() + 12).unwrap_or(digest)
}

/// One screen.
const FILES_SHOWN: usize = 32;
