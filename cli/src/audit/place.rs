//! Where the ledger lies, and which key it is checked with.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use ledger::note::Verifier;
use proto::Code;
use proto::code::Failure;

use crate::arguments::Common;
use crate::audit::fault::fault;
use crate::audit::files::Files;
use crate::config::Config;
use crate::failure::{Result, host, usage};
use crate::state;

/// Which ledger, and which key.
#[derive(Debug, Args)]
pub(crate) struct PlaceArguments {
    /// The ledger's directory, such as a copy, in place of the state directory's `ledger`.
    #[arg(long, global = true, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// The key that the ledger is checked with: `NAME+HASH+KEY`, or a file that holds it. Without it:
    /// `ledger.vkey` of the state directory. Only a key that you kept elsewhere proves something:
    /// whoever can change the ledger can change the key beside it.
    #[arg(long, global = true, value_name = "VKEY|FILE")]
    vkey: Option<String>,
}

/// Which ledger, and which key, with the defaults filled in.
#[derive(Debug)]
pub(crate) struct Place {
    ledger: PathBuf,
    key: Key,
}

/// Where the key comes from.
#[derive(Debug)]
enum Key {
    /// The command line.
    Text(String),
    /// A file that the operator named.
    File(PathBuf),
    /// The file beside the ledger.
    Beside(PathBuf),
    /// Nobody said.
    Missing,
}

impl Place {
    /// What the arguments and the configuration say.
    pub(crate) fn new(arguments: &PlaceArguments, common: &Common) -> Result<Self> {
        let named = arguments.vkey.as_ref().map(|key| match Verifier::parse(key) {
            Ok(_) => Key::Text(key.clone()),
            Err(_) => Key::File(key.into()),
        });
        if let Some(ledger) = &arguments.ledger {
            return Ok(Self { ledger: ledger.clone(), key: named.unwrap_or(Key::Missing) });
        }
        let config = Config::load(common.config.as_deref())?;
        let folder = state::directory(common.state.as_deref(), &config)?;
        let key = named.unwrap_or_else(|| Key::Beside(folder.join("ledger.vkey")));
        Ok(Self { ledger: folder.join("ledger"), key })
    }

    /// The ledger's files.
    pub(crate) fn files(&self) -> Result<Files> {
        let none = || {
            let message = format!("there is no ledger in `{}`", self.ledger.display());
            Failure::new(Code::HostIo, message)
                .with_hint("name the state directory with --state, or the ledger's with --ledger")
        };
        let mut files = match Files::open(&self.ledger) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none()),
            Err(error) => return Err(host("open", &self.ledger, &error)),
        };
        let empty = files.is_empty().map_err(|error| host("list", &self.ledger, &error))?;
        if empty { Err(none()) } else { Ok(files) }
    }

    /// The ledger, opened for reading.
    pub(crate) fn open(&self) -> Result<ledger::Ledger<Files>> {
        ledger::Ledger::open(self.files()?, &self.vkey()?).map_err(|found| fault(&found))
    }

    /// The key's text.
    pub(crate) fn vkey(&self) -> Result<String> {
        let (path, beside) = match &self.key {
            Key::Text(text) => return Ok(text.clone()),
            Key::File(path) => (path, false),
            Key::Beside(path) => (path, true),
            Key::Missing => return Err(usage("a ledger apart from its state directory needs --vkey")),
        };
        let text = read_text(path).map_err(|error| {
            let failure = host("read the ledger's key", path, &error);
            if beside { failure.with_hint("give the key with --vkey") } else { failure }
        })?;
        Ok(text.trim_end().to_owned())
    }

    /// Whether the key is only as good as the ledger, because it lies beside it.
    pub(crate) const fn trusts_its_neighbour(&self) -> bool {
        matches!(self.key, Key::Beside(_))
    }
}

/// A small file of text.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(TEXT_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Larger than any key, checkpoint or proof.
const TEXT_BYTES_MAX: u64 = 64 * 1024;
