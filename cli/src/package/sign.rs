//! Signing: a manifest of what a directory holds, and a bundle over it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use package::certificate::Chain;
use package::{BUNDLE_PATH, Format, MANIFEST_PATH, Manifest, PrivateKey, ToolFormat};
use proto::link::inspector::ListedFile;
use serde_json::json;

use super::folder;
use crate::exit::Exit;
use crate::failure::{Result, host, usage};
use crate::output::{Output, Paint};
use crate::plan;
use crate::progress::Progress;
use crate::signers::read_pem;

/// What to sign, and with what.
#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    /// The directory. Links, and files of kinds that packages may not have, are refused.
    directory: PathBuf,
    /// The signing key (PKCS #8 PEM, P-256), as `stockade package keygen` makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The certificate of the key, and then those above it (PEM), for those who trust a root and not a
    /// key.
    #[arg(long, value_name = "FILE")]
    certificate_chain: Option<PathBuf>,
    /// The package's name. Without it: the directory's.
    #[arg(long)]
    name: Option<String>,
    /// The package's version. Without it: 1.
    #[arg(long, default_value = "1", hide_default_value = true)]
    version: String,
    /// How the model writes tool calls, if it does.
    #[arg(long, value_name = "FORMAT")]
    tool_format: Option<ToolFormatArgument>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ToolFormatArgument {
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`.
    Hermes,
}

/// Signs a directory in place.
pub(super) fn sign(arguments: &SignArguments, output: Output) -> Result<Exit> {
    let root = &arguments.directory;
    let unusable =
        |why: &dyn std::fmt::Display| usage(format!("signing key `{}`: {why}", arguments.key.display()));
    let key = PrivateKey::from_pem(&read_pem(&arguments.key)?).map_err(|error| unusable(&error))?;
    let chain = arguments.certificate_chain.as_deref().map(read_chain).transpose()?;
    let mut progress = (!output.json()).then(|| Progress::new(output));
    let files = folder::measure(root, &mut |path| {
        if let Some(progress) = &mut progress {
            progress.show(&format!("hashing {path}"), 0, 0);
        }
    });
    let files = files.map_err(|rejection| rejection.failure())?;
    drop(progress);
    let name = arguments.name.clone().or_else(|| plan::own_name(root));
    let name = name.ok_or_else(|| usage("the package needs a name").with_hint("give it one: --name demo"))?;
    let format = format_of(&files)?;
    let tools = arguments.tool_format.map(|ToolFormatArgument::Hermes| ToolFormat::Hermes);
    let manifest = package::build_manifest(&name, &arguments.version, format, tools, files)
        .map_err(|error| usage(format!("the package cannot be signed: {error}")))?;
    let bundle = match &chain {
        None => package::sign(&manifest, &key),
        Some(chain) => package::sign_with(&manifest, &key, chain),
    };
    let bundle = bundle.map_err(|error| unusable(&error))?;
    replace(&root.join(MANIFEST_PATH), &manifest)?;
    replace(&root.join(BUNDLE_PATH), &bundle)?;
    let digest = Manifest::digest_of(&manifest).to_string();
    let signer_key = key.public().digest().map_err(|error| unusable(&error))?.to_string();
    if output.json() {
        output.value(&json!({"digest": digest, "name": name, "signer_key": signer_key}));
    } else {
        output.line(&format!("{}  {name} {}", output.paint("signed", Paint::Good), arguments.version));
        output.line(&digest);
    }
    Ok(Exit::Done)
}

fn read_chain(file: &Path) -> Result<Chain> {
    Chain::from_pem(&read_pem(file)?)
        .map_err(|error| usage(format!("certificates `{}`: {error}", file.display())))
}

/// One GGUF file, or safetensors.
fn format_of(files: &[ListedFile]) -> Result<Format> {
    let ends =
        |ending: &str| files.iter().filter(|file| file.path.to_ascii_lowercase().ends_with(ending)).count();
    match (ends(".gguf"), ends(".safetensors")) {
        (1, 0) => Ok(Format::Gguf),
        (0, 1..) => Ok(Format::Safetensors),
        (gguf, safetensors) => Err(usage(format!(
            "the directory has {gguf} GGUF and {safetensors} safetensors files; a package has one of the first or some of the second"
        ))),
    }
}

/// Writes a file whole, in place of an older one.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |error| host("write", path, &error);
    // Named like no file of a package: were it left behind, it would be refused, not signed.
    let incoming = path.with_extension("incoming");
    let mut file = fs::File::create(&incoming).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&incoming, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Code;
    use proto::link::inspector::TrustedSigner;

    /// A directory to sign, and a key.
    fn sample() -> (tempfile::TempDir, SignArguments) {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("tiny");
        fs::create_dir_all(directory.join("docs")).unwrap();
        fs::write(directory.join("model.safetensors"), "weights").unwrap();
        fs::write(directory.join("docs/about.md"), "words").unwrap();
        let key = folder.path().join("k.pem");
        fs::write(&key, PrivateKey::from_random(&[7; 32]).unwrap().to_pem().unwrap().as_ref()).unwrap();
        let version = "1".to_owned();
        let arguments =
            SignArguments { directory, key, certificate_chain: None, name: None, version, tool_format: None };
        (folder, arguments)
    }

    #[test]
    fn what_is_signed_verifies_and_is_named_like_its_directory() {
        let (_folder, arguments) = sample();
        // Signing again replaces what was written before.
        for _ in 0..2 {
            sign(&arguments, Output::new(true)).unwrap();
        }
        let read = |name: &str| fs::read(arguments.directory.join(name)).unwrap();
        let manifest = Manifest::parse(&read(MANIFEST_PATH)).unwrap();
        assert_eq!((manifest.name.as_str(), manifest.format), ("tiny", Format::Safetensors));
        let paths: Vec<_> = manifest.files.iter().map(|file| (file.path.as_str(), file.bytes)).collect();
        assert_eq!(paths, [("docs/about.md", 5), ("model.safetensors", 7)]);
        let pem = PrivateKey::from_random(&[7; 32]).unwrap().public().to_pem().unwrap();
        let trust = package::Trust { signers: &[TrustedSigner::with_key("a", pem)], now_s: 0 };
        let endorsement = package::oms::verify(&read(BUNDLE_PATH), &trust).unwrap();
        assert_eq!(endorsement.resources.len(), 3);
    }

    #[test]
    fn what_no_package_may_hold_is_not_signed() {
        let refused = |spoil: &dyn Fn(&Path)| {
            let (_folder, arguments) = sample();
            spoil(&arguments.directory);
            let failure = sign(&arguments, Output::new(true)).unwrap_err();
            assert!(!arguments.directory.join(BUNDLE_PATH).exists());
            failure.code
        };
        let link = |at: &Path| std::os::unix::fs::symlink("model.safetensors", at.join("l.json")).unwrap();
        assert_eq!(refused(&link), Code::FileNotRegular);
        assert_eq!(refused(&|at| fs::write(at.join(".hidden"), "").unwrap()), Code::PathInvalid);
        assert_eq!(refused(&|at| fs::write(at.join("a.pkl"), "").unwrap()), Code::FormatUnsupported);
        assert_eq!(refused(&|at| fs::write(at.join("a.gguf"), "").unwrap()), Code::ConfigInvalid);
        assert_eq!(
            refused(&|at| fs::remove_file(at.join("model.safetensors")).unwrap()),
            Code::ConfigInvalid
        );
        assert_eq!(refused(&|at| fs::remove_dir_all(at).unwrap()), Code::HostIo);
    }
}
