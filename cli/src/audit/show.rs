//! `audit show`: one record.

use clap::Args;
use ledger::hash::leaf_hash;
use ledger::schema::Class;
use proto::digest::to_hex;

use crate::audit::describe::fields;
use crate::audit::fault::fault;
use crate::audit::place::Place;
use crate::audit::time::utc;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{Output, Paint};
use crate::text::harmless;

/// Which record.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The record's place in the ledger.
    index: u64,
}

/// Prints it. With `--json` it is printed as it is stored.
pub(crate) fn show(arguments: &ShowArguments, place: &Place, output: Output) -> Result<Exit> {
    let mut ledger = place.open()?;
    let record = ledger.record(arguments.index).map_err(|found| fault(&found))?.to_vec();
    if output.json() {
        output.line(&String::from_utf8_lossy(&record));
        return Ok(Exit::Done);
    }
    let entry = ledger.entry(arguments.index).map_err(|found| fault(&found))?;
    let under = if entry.index < ledger.checkpoint().size {
        format!("published, under the checkpoint of {} records", ledger.checkpoint().size)
    } else {
        "durable in the journal, not yet published".to_owned()
    };
    let header = [
        ("event", harmless(&entry.event)),
        ("index", entry.index.to_string()),
        ("time", utc(entry.time_us)),
        ("producer", harmless(&entry.producer)),
        ("seq", entry.seq.to_string()),
        ("nonce", harmless(&entry.nonce)),
        ("leaf", to_hex(&leaf_hash(&record))),
        ("state", under),
    ];
    for (name, text) in header {
        output.line(&format!("{} {text}", output.paint(&format!("{name:14}"), Paint::Faint)));
    }
    output.line("");
    for field in fields(&entry) {
        let name = output.paint(&format!("{:14}", field.name), Paint::Strong);
        let class = output.paint(&format!("{:8}", word(field.class)), Paint::Faint);
        output.line(&format!("{name} {class} {}", field.text));
    }
    Ok(Exit::Done)
}

const fn word(class: Class) -> &'static str {
    match class {
        Class::Public => "public",
        Class::Internal => "internal",
        Class::Hmac => "hmac",
        Class::Never => "never",
    }
}
