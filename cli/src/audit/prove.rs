//! `audit prove` and `audit check-proof`: one record, for somebody who has only the key.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ledger::note::Verifier;
use ledger::record::RECORD_BYTES_MAX;
use ledger::{Proof, Tampering};
use proto::Code;
use proto::code::Failure;
use proto::digest::to_hex;
use serde_json::json;

use crate::audit::fault::fault;
use crate::audit::place::{Place, read_text};
use crate::exit::Exit;
use crate::failure::{Result, host, usage, with_causes};
use crate::output::{Output, Paint};
use crate::text::harmless;

/// Which record, and where the proof goes.
#[derive(Debug, Args)]
pub(crate) struct ProveArguments {
    /// The record's place in the ledger.
    index: u64,
    /// Write the record to NAME.record and its proof to NAME.tlog-proof, both new. Without it the proof
    /// is printed.
    #[arg(long, value_name = "NAME")]
    out: Option<PathBuf>,
}

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The record's file, byte for byte as in the ledger.
    record: PathBuf,
    /// The proof's file (C2SP tlog-proof).
    proof: PathBuf,
}

/// Makes the proof.
pub(crate) fn prove(arguments: &ProveArguments, place: &Place, output: Output) -> Result<Exit> {
    let mut ledger = place.open()?;
    let mut attempt = 1;
    let proof = loop {
        match ledger.prove(arguments.index) {
            Err(Tampering::NotYetPublished { .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(PAUSE);
                ledger.refresh().map_err(|found| fault(&found))?;
            }
            other => break other.map_err(|found| fault(&found))?,
        }
    };
    let record = ledger.record(arguments.index).map_err(|found| fault(&found))?;
    if let Some(name) = &arguments.out {
        write_new(&with_ending(name, "record"), record)?;
        write_new(&with_ending(name, "tlog-proof"), proof.to_string().as_bytes())?;
    }
    if output.json() {
        let hashes: Vec<String> = proof.hashes.iter().map(|hash| to_hex(hash)).collect();
        output.value(&json!({
            "index": proof.index,
            "record": String::from_utf8_lossy(record),
            "hashes": hashes,
            "checkpoint": proof.note,
            "proof": proof.to_string(),
        }));
    } else if arguments.out.is_none() {
        output.piece(&proof.to_string());
    }
    Ok(Exit::Done)
}

/// Checks a proof.
pub(crate) fn check(arguments: &CheckArguments, place: &Place, output: Output) -> Result<Exit> {
    let verifier = Verifier::parse(&place.vkey()?).map_err(|error| usage(error.to_string()))?;
    let record = read_record(&arguments.record)?;
    let text = read_text(&arguments.proof).map_err(|error| host("read", &arguments.proof, &error))?;
    let checked = Proof::parse(&text).and_then(|proof| Ok((proof.index, proof.verify(&record, &verifier)?)));
    let (index, checkpoint) =
        checked.map_err(|error| Failure::new(Code::LedgerTampered, with_causes(&error)))?;
    if output.json() {
        let root = to_hex(&checkpoint.root);
        output.value(&json!({
            "verified": true,
            "index": index,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": root,
        }));
    } else {
        let (ok, origin) = (output.paint("ok", Paint::Good), harmless(&checkpoint.origin));
        output.line(&format!("{ok} it is record {index} of the {} in {origin}", checkpoint.size));
    }
    Ok(Exit::Done)
}

fn read_record(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let ceiling = RECORD_BYTES_MAX as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(ceiling).read_to_end(&mut bytes));
    read.map_err(|error| host("read", path, &error))?;
    Ok(bytes)
}

fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| host("write", path, &error))
}

/// A record is published about a second after it is durable.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);
