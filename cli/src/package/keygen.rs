//! Signing keys.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use package::PrivateKey;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::{Result, host, host_call};
use crate::output::Output;
use crate::secret::random_bytes;

/// Where the key goes.
#[derive(Debug, Args)]
pub(crate) struct KeygenArguments {
    /// Path and name of the two files, without their endings. Neither may exist.
    name: PathBuf,
}

/// Makes a key pair in two files.
pub(super) fn keygen(arguments: &KeygenArguments, output: Output) -> Result<Exit> {
    let key = PrivateKey::from_random(&random_bytes()?).map_err(|error| host_call("make a key", error))?;
    let unusable = |error| host_call("write the key as text", error);
    let (private, public) = (named(&arguments.name, "pem"), named(&arguments.name, "pub.pem"));
    create(&private, 0o600, key.to_pem().map_err(unusable)?.as_ref())?;
    create(&public, 0o644, &key.public().to_pem().map_err(unusable)?)?;
    let digest = key.public().digest().map_err(unusable)?.to_string();
    if output.json() {
        output.value(&json!({"private": private, "public": public, "signer_key": digest}));
    } else {
        output.line(&format!("{}  to keep: whoever has it signs as you", private.display()));
        output.line(&format!("{}  to hand out, {digest}", public.display()));
    }
    Ok(Exit::Done)
}

fn named(name: &Path, ending: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Writes a new file: an older key is never replaced.
fn create(path: &Path, mode: u32, content: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|error| host("create", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_pair_belongs_together_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = KeygenArguments { name: folder.path().join("org.v1") };
        keygen(&arguments, Output::new(true)).unwrap();
        let private = folder.path().join("org.v1.pem");
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let key = PrivateKey::from_pem(&read(&private)).unwrap();
        assert_eq!(read(&folder.path().join("org.v1.pub.pem")), key.public().to_pem().unwrap());
        assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(keygen(&arguments, Output::new(true)).is_err());
        assert_eq!(read(&private), *key.to_pem().unwrap().as_ref());
    }
}
