//! `stockade.toml`: found, read, and refused where it says what cannot be.

pub(crate) mod file;
pub(crate) mod ranges;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::failure::{Result, host, usage};
use crate::state;
use file::File;

/// What the configuration says. Its paths are relative to its file's directory until it is loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// The keys.
    pub(crate) file: File,
}

impl Config {
    /// Reads the file that the flag names; without the flag, the default one if it exists.
    pub(crate) fn load(flag: Option<&Path>) -> Result<Self> {
        let chosen = flag.map(Path::to_owned).or_else(|| default_path().filter(|path| path.exists()));
        let Some(path) = chosen else { return Ok(Self::default()) };
        let mut text = String::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text))
            .map_err(|error| host("read", &path, &error))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(usage(format!("`{}` has more than {BYTES_MAX} bytes", path.display())));
        }
        let mut file = parse(&text).map_err(|error| usage(format!("`{}`: {error}", path.display())))?;
        let folder = std::path::absolute(&path).map_err(|error| host("find", &path, &error))?;
        file.resolve(folder.parent().unwrap_or(Path::new("/")));
        Ok(Self { file })
    }
}

/// Reads the text of a configuration and checks every number.
pub(crate) fn parse(text: &str) -> std::result::Result<File, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    ranges::check(&file)?;
    Ok(file)
}

impl File {
    /// Makes paths absolute that are relative to the configuration's directory.
    fn resolve(&mut self, folder: &Path) {
        let join = |path: &mut PathBuf| *path = folder.join(&*path);
        self.state.as_mut().map(join);
        for signer in &mut self.signers {
            signer.public_key.as_mut().map(join);
            signer.certificate_root.as_mut().map(join);
        }
        for model in &mut self.models {
            if !model.package.starts_with("sha256:")
                && let Some(path) = folder.join(&model.package).to_str()
            {
                path.clone_into(&mut model.package);
            }
        }
    }
}

/// Where the configuration stands when no flag says so. The working directory is not looked at: whose
/// directory that is, is not known.
fn default_path() -> Option<PathBuf> {
    if state::is_root() {
        return Some(PathBuf::from("/etc/stockade/stockade.toml"));
    }
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(folder.join("stockade/stockade.toml"))
}

const BYTES_MAX: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_says_the_defaults() {
        assert_eq!(parse("").unwrap(), File::default());
    }

    #[test]
    fn the_example_in_the_guide_is_accepted() {
        let guide = include_str!("../../docs/guide/serving.md");
        let (_, rest) = guide.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let file = parse(example).unwrap();
        assert!(!file.models.is_empty() && !file.signers.is_empty() && !file.keys.is_empty());
    }

    #[test]
    fn unknown_keys_are_refused_wherever_they_stand() {
        for text in [
            "stat = \"x\"",
            "[limits]\nbody-bytes = 1",
            "[limits]\nbody_bytes_max = 1024",
            "[ceilings]\nmemory = 1",
            "[engine]\nx = 1",
            "[[keys]]\nname = \"a\"\nkey = \"b\"",
            "[[signers]]\nname = \"a\"\npublic-key = \"b\"\ntrust = true",
            "[[models]]\nname = \"a\"\npackage = \"b\"\nceilings = { gpu = 1 }",
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains("unknown field"), "{text}: {refused}");
        }
    }

    #[test]
    fn absurd_values_are_refused_with_the_range_that_holds() {
        for (text, key) in [
            ("[limits]\nbody-bytes-max = 0", "limits.body-bytes-max"),
            ("[limits]\nwall-ms-max = 9000000000000", "limits.wall-ms-max"),
            ("[engine]\nslots = 0", "engine.slots"),
            ("[engine]\nthreads = 100000", "engine.threads"),
            ("[ceilings]\nmemory-mib = 1", "ceilings.memory-mib"),
            ("[[models]]\nname = \"a\"\npackage = \"b\"\nengine = { slots = 0 }", "engine.slots"),
            ("[[models]]\nname = \"a\"\npackage = \"b\"\nceilings = { pids = 1 }", "ceilings.pids"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(key) && refused.contains(" to "), "{text}: {refused}");
        }
        for text in ["[engine]\nslots = -1", "[engine]\nslots = 1.5", "[engine]\nslots = \"4\"", "state = 1"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stockade.toml");
        let text = "state = \"s\"\n[[models]]\nname = \"a\"\npackage = \"../a\"\n\
                    [[models]]\nname = \"b\"\npackage = \"sha256:00\"\n\
                    [[signers]]\nname = \"p\"\npublic-key = \"/k.pem\"\n\
                    [[signers]]\nname = \"q\"\ncertificate-root = \"r.pem\"\nidentity = \"a@b\"\n";
        std::fs::write(&path, text).unwrap();
        let file = Config::load(Some(&path)).unwrap().file;
        assert_eq!(file.state.unwrap(), folder.path().join("s"));
        assert_eq!(file.models[0].package, folder.path().join("../a").to_str().unwrap());
        assert_eq!(file.models[1].package, "sha256:00");
        assert_eq!(file.signers[0].public_key.as_deref(), Some(Path::new("/k.pem")));
        assert_eq!(file.signers[1].certificate_root, Some(folder.path().join("r.pem")));
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let failure = Config::load(Some(Path::new("/nowhere/stockade.toml"))).unwrap_err();
        assert_eq!(failure.code, proto::Code::HostIo);
    }
}
