//! What a Stockade is started with.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    command,
    packages::{Package, Signer},
    places::{self, Build},
};

/// What a Stockade is started with.
#[derive(Debug)]
pub struct Options {
    models: Vec<(String, Source)>,
    sections: Vec<(&'static str, String, String)>,
    build: Build,
    programs: Option<TempDir>,
    state: Option<PathBuf>,
    signers: Vec<Signer>,
}

#[derive(Debug)]
enum Source {
    Own(Package),
    At(String),
}

impl Options {
    /// The shipped model under the name `demo`, everything else as it comes.
    pub fn demo() -> Self {
        Self::empty().model("demo", Package::demo())
    }

    /// No model yet.
    pub fn empty() -> Self {
        Self {
            models: Vec::new(),
            sections: Vec::new(),
            build: Build::Development,
            programs: None,
            state: None,
            signers: vec![Signer::trusted()],
        }
    }

    /// Serves a package, too.
    #[must_use]
    pub fn model(mut self, name: &str, package: Package) -> Self {
        self.models.push((name.to_owned(), Source::Own(package)));
        self
    }

    /// Serves a package that stays the caller's, or one of the store by its digest.
    #[must_use]
    pub fn model_at(mut self, name: &str, place: impl AsRef<Path>) -> Self {
        self.models.push((name.to_owned(), Source::At(place.as_ref().display().to_string())));
        self
    }

    /// Sets a ceiling on requests, such as `body-bytes-max`.
    #[must_use]
    pub fn limit(self, name: &str, value: u64) -> Self {
        self.set("limits", name, value)
    }

    /// Sets what each engine reserves, such as `slots`.
    #[must_use]
    pub fn engine(self, name: &str, value: u64) -> Self {
        self.set("engine", name, value)
    }

    fn set(mut self, section: &'static str, name: &str, value: u64) -> Self {
        self.sections.push((section, name.to_owned(), value.to_string()));
        self
    }

    /// Uses programs that were built so.
    #[must_use]
    pub fn build(mut self, build: Build) -> Self {
        self.build = build;
        self
    }

    /// Puts another program in the place of one of ours.
    #[must_use]
    pub fn replace(mut self, name: &str, by: &Path) -> Self {
        self.programs = Some(places::programs_with(self.build, name, by));
        self
    }

    /// Keeps state here, and leaves it.
    #[must_use]
    pub fn state(mut self, directory: &Path) -> Self {
        self.state = Some(directory.to_owned());
        self
    }

    /// The directory of programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.programs
            .as_ref()
            .map_or_else(|| places::programs(self.build).to_owned(), |own| own.path().to_owned())
    }

    /// The state directory that was asked for.
    pub(crate) fn state_directory(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// The configuration file's text; public keys are written beside it.
    pub(crate) fn configuration(&self, folder: &Path, state: &Path, key: &str) -> String {
        let mut text = format!("state = {:?}\nlisten = \"127.0.0.1:0\"\n", state.display().to_string());
        let _ = writeln!(text, "accepted-controls = {:?}", accepted(&self.programs()));
        for section in ["limits", "engine"] {
            let _ = writeln!(text, "\n[{section}]");
            for (_, name, value) in self.sections.iter().filter(|(of, _, _)| *of == section) {
                let _ = writeln!(text, "{name} = {value}");
            }
        }
        for (name, source) in &self.models {
            let place = match source {
                Source::Own(package) => package.path().display().to_string(),
                Source::At(place) => place.clone(),
            };
            let _ = writeln!(text, "\n[[models]]\nname = {name:?}\npackage = {place:?}");
        }
        for signer in &self.signers {
            let file = folder.join(format!("{}.pem", signer.name));
            std::fs::write(&file, signer.public_pem()).expect("write a public key");
            let place = file.display().to_string();
            let _ = writeln!(text, "\n[[signers]]\nname = {:?}\npublic-key = {place:?}", signer.name);
        }
        let hash = package::hash::sha256(key.as_bytes());
        let _ = writeln!(text, "\n[[keys]]\nname = \"tests\"\nhash = \"{hash}\"");
        text
    }
}

/// The controls that this host does not enforce, as `stockade doctor` finds them: tests of everything
/// else run all the same.
///
/// # Panics
/// When `stockade doctor` does not say.
pub fn accepted(programs: &Path) -> Vec<String> {
    static FOUND: OnceLock<Vec<String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let ran = command::stockade(programs, &["doctor", "--json"]);
            let report: Value = serde_json::from_str(ran.output.trim())
                .unwrap_or_else(|error| panic!("stockade doctor --json: {error}: {ran:?}"));
            let names = report["refusing"].as_array().unwrap_or_else(|| panic!("{report}"));
            names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        })
        .clone()
}
