//! Has an inspector scan a directory or a file that nobody signed. The inspector gets each file as a
//! descriptor when it asks for it, and sees no path of the host.

mod listing;

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use proto::{
    Code,
    code::Failure,
    link::{
        inspector::{FRAME_BYTES_MAX, FromInspector, ToInspector},
        operator::FromSupervisor,
        scan::ScanReport,
    },
};

use crate::{
    cell::{Cell, Reason},
    ground::{Ground, Launch},
    inspection,
    link::{self, LinkFault},
    topology,
};
use listing::Listing;

/// Scans the directory or the file at `path`.
pub(crate) fn scan(ground: &Ground, path: &str) -> Result<FromSupervisor, Failure> {
    let listing = listing::list(path)?;
    let cell = ground.launch(Launch::of(&topology::INSPECTOR))?;
    match ask(ground, &cell, &listing) {
        Ok(report) => {
            cell.end(ground, Reason::Finished);
            Ok(FromSupervisor::Scanned(report))
        }
        Err(fault) => {
            let code = match fault {
                LinkFault::TooLate => Code::ScanCeiling,
                LinkFault::Closed | LinkFault::Broken(_) => Code::ScanFailed,
            };
            Err(Failure { code, ..inspection::unanswered(ground, cell, &fault) })
        }
    }
}

fn ask(ground: &Ground, cell: &Cell, listing: &Listing) -> Result<Box<ScanReport>, LinkFault> {
    let most = SCANNED_WITHIN + Duration::from_secs(listing.bytes() / SCANNED_BYTES_PER_S);
    let deadline = Instant::now() + most + GRACE;
    let wall_ms_max = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    let order = ToInspector::Scan { entries: listing.entries(), wall_ms_max };
    link::send(&cell.control, &order, FRAME_BYTES_MAX, &[])?;
    let mut told: Option<Instant> = None;
    loop {
        match link::receive(&cell.control, FRAME_BYTES_MAX, deadline)? {
            FromInspector::Progress { bytes_done, bytes_all } => {
                // The inspector may be lying, also about how often it speaks.
                if told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY) {
                    ground.operator.progress("scanning", bytes_done, bytes_all);
                    told = Some(Instant::now());
                }
            }
            FromInspector::Want { entry } => {
                let files = listing.open(entry);
                let answer = ToInspector::Files { opened: files.iter().map(Option::is_some).collect() };
                let descriptors: Vec<_> = files.iter().flatten().map(AsFd::as_fd).collect();
                link::send(&cell.control, &answer, FRAME_BYTES_MAX, &descriptors)?;
            }
            FromInspector::Scanned(report) => return Ok(report),
            FromInspector::Accepted(_) | FromInspector::Rejected { .. } => {
                return Err(LinkFault::Broken("it answered another question".to_owned()));
            }
        }
    }
}

const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// The wall-clock ceiling of a scan: a base, and the time for its bytes on a slow machine.
const SCANNED_WITHIN: Duration = Duration::from_mins(1);
const SCANNED_BYTES_PER_S: u64 = 32 << 20;

/// What an inspector may take to say that its time is over.
const GRACE: Duration = Duration::from_secs(15);
