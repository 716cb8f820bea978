//! API keys: made here, shown once, known to the gateway by their hash.

use clap::Subcommand;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{Output, Paint};
use crate::plan;
use crate::secret::KeyText;

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an API key: print it once, with the entry for the configuration.
    New {
        /// The name under which records show who asked.
        name: String,
    },
}

/// Does it.
pub(crate) fn run(command: &KeyCommand, output: Output) -> Result<Exit> {
    let KeyCommand::New { name } = command;
    let name = plan::principal(name)?;
    let key = KeyText::generate()?;
    let hash = key.hash().to_string();
    if output.json() {
        output.value(&json!({"name": name, "key": key.expose(), "hash": hash}));
        return Ok(Exit::Done);
    }
    output.note(&output.paint_note("The key is on the next line, and nowhere else:", Paint::Faint));
    output.line(key.expose());
    output.note(&output.paint_note("Its entry for stockade.toml:", Paint::Faint));
    output.line(&format!("\n[[keys]]\nname = \"{name}\"\nhash = \"{hash}\""));
    Ok(Exit::Done)
}
