//! `audit verify`: the whole ledger, from its records up.

use std::path::PathBuf;

use clap::Args;
use ledger::Summary;
use proto::digest::to_hex;
use serde_json::json;

use crate::audit::fault::fault;
use crate::audit::place::{Place, read_text};
use crate::audit::time::utc;
use crate::exit::Exit;
use crate::failure::{Result, host};
use crate::output::{Output, Paint};
use crate::progress::Progress;
use crate::text::harmless;

/// What to compare with.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// A checkpoint of this ledger that was kept elsewhere, such as an earlier copy of its file
    /// `checkpoint`: the ledger must continue it. Only so can be seen that a ledger was put back to an
    /// older state. Can be given again.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

/// Checks it, and says what it holds.
pub(crate) fn verify(arguments: &VerifyArguments, place: &Place, output: Output) -> Result<Exit> {
    let mut kept = Vec::new();
    for path in &arguments.checkpoints {
        kept.push(read_text(path).map_err(|error| host("read the checkpoint", path, &error))?);
    }
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let (mut files, vkey) = (place.files()?, place.vkey()?);
    let mut progress = Progress::new(output);
    let verified = ledger::verify_watched(&mut files, &vkey, &kept, &mut |done, all| {
        // One step of the bar is enough for what takes no time.
        if all >= WORTH_SHOWING {
            progress.show("verifying records", done, all);
        }
    });
    progress.clear();
    let summary = verified.map_err(|found| fault(&found))?;
    if output.json() {
        output.value(&value(&summary, &vkey, kept.len()));
    } else {
        output.lines(&lines(&summary, kept.len(), output));
        if place.trusts_its_neighbour() {
            output.note("checked with the key beside the ledger; a key that you kept elsewhere, with --vkey, proves more");
        }
    }
    Ok(Exit::Done)
}

fn value(summary: &Summary, vkey: &str, kept: usize) -> serde_json::Value {
    let (first_us, last_us) = summary.times_us.unzip();
    json!({
        "verified": true,
        "records": summary.size,
        "producers": summary.producers,
        "first_us": first_us,
        "last_us": last_us,
        "root": to_hex(&summary.root),
        "origin": summary.checkpoint.origin,
        "published": summary.checkpoint.size,
        "checkpoint": summary.note,
        "continues": kept,
        "vkey": vkey,
    })
}

fn lines(summary: &Summary, kept: usize, output: Output) -> Vec<String> {
    let mut lines =
        vec![format!("{} every record, tile and checkpoint agrees", output.paint("ok", Paint::Good))];
    let mut say = |name: &str, text: String| {
        lines.push(format!("{} {text}", output.paint(&format!("{name:12}"), Paint::Faint)));
    };
    let journaled = summary.size - summary.checkpoint.size;
    let tail = if journaled > 0 { format!(", {journaled} of them not yet published") } else { String::new() };
    say("records", format!("{}{tail}", summary.size));
    for (producer, records) in &summary.producers {
        say("", format!("{records:>8} of {}", harmless(producer)));
    }
    if let Some((first, last)) = summary.times_us {
        say("from", utc(first));
        say("to", utc(last));
    }
    say("root", to_hex(&summary.root));
    if kept > 0 {
        say("continues", format!("{kept} checkpoint(s) that you kept"));
    }
    say("checkpoint", String::new());
    lines.extend(summary.note.lines().map(|line| format!("  {}", harmless(line))));
    lines
}

/// Fewer records are checked before anybody looks.
const WORTH_SHOWING: u64 = 20_000;
