//! API keys from files, such as a secrets manager mounts.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use proto::link::gateway::ApiKey;

use crate::failure::{Result, host, usage};
use crate::plan;
use crate::secret::KeyText;

/// The entries for keys that stand in files, one a file.
pub(crate) fn from_files(files: &[PathBuf]) -> Result<Vec<ApiKey>> {
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<ApiKey> {
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| host("read", file, &error))?;
    let key = text.trim_end_matches(['\r', '\n']);
    // The gateway takes keys from a header, so nothing else can be one. Short ones can be guessed.
    let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(BYTES_MIN..=BYTES_MAX).contains(&(key.len() as u64)) {
        return Err(usage(format!("`{}` holds no API key", file.display()))
            .with_hint("a key has 32 to 512 printable characters; `stockade key new NAME` makes one"));
    }
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    Ok(KeyText::given(key.to_owned()).entry(&plan::principal(name)?))
}

const BYTES_MIN: u64 = 32;
const BYTES_MAX: u64 = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_holds_one_key_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            from_files(&[path])
        };
        let key = "k".repeat(32);
        let entries = write("alice.key", &format!("{key}\n")).unwrap();
        assert_eq!(
            (entries[0].name.as_str(), entries[0].hash),
            ("alice", KeyText::given(key.clone()).hash())
        );
        for bad in ["", "short", &format!("{key} {key}"), &format!("{key}\n{key}"), &"k".repeat(513)] {
            assert!(write("bad.key", bad).is_err(), "{bad}");
        }
        assert!(write("a b.key", &key).is_err());
    }
}
