//! `audit tail`: the newest records.

use std::io::{self, Write as _};
use std::time::Duration;

use clap::Args;

use crate::audit::describe::line;
use crate::audit::fault::fault;
use crate::audit::place::Place;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::Output;

/// Which records.
#[derive(Debug, Args)]
pub(crate) struct TailArguments {
    /// How many records.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
    lines: u64,
    /// Go on with those that come, until interrupted.
    #[arg(short, long)]
    follow: bool,
}

/// Prints them. With `--json` each is printed as it is stored.
pub(crate) fn tail(arguments: &TailArguments, place: &Place, output: Output) -> Result<Exit> {
    let mut ledger = place.open()?;
    let mut next = ledger.size().saturating_sub(arguments.lines);
    loop {
        while next < ledger.size() {
            let text = if output.json() {
                let record = ledger.record(next).map_err(|found| fault(&found))?;
                String::from_utf8_lossy(record).into_owned()
            } else {
                line(&ledger.entry(next).map_err(|found| fault(&found))?, output)
            };
            if writeln!(io::stdout(), "{text}").is_err() {
                // Nobody reads any more.
                return Ok(Exit::Done);
            }
            next += 1;
        }
        if !arguments.follow {
            return Ok(Exit::Done);
        }
        std::thread::sleep(PAUSE);
        ledger.refresh().map_err(|found| fault(&found))?;
    }
}

/// Between two looks at a ledger that is followed.
const PAUSE: Duration = Duration::from_millis(500);
