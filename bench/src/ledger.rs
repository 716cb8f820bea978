//! Durable records each second, beside what the disk can do.

use std::{
    fs::File,
    io::Write as _,
    os::{fd::AsFd as _, unix::fs::FileExt as _, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use proto::{
    Code, Secret,
    event::{Event, RequestDenied},
    frame,
    link::{
        auditor::{self, FromAuditor, ToAuditor},
        record::{self, FromAuditor as Answer, FromProducer},
    },
    read_frame,
};
use sandbox::{
    descriptor::send_with,
    filter,
    jail::{self, Ceilings, Identity, JailSpec, Jailed, Mount, MountSource, Network, SealedProgram},
    rootless::Privilege,
};
use stockade_tests::{Build, is_root, places};

use crate::table::{Row, Table};

/// Measures the auditor in its jail, with one record under way at a time and with sixteen.
pub(crate) fn measure(table: &mut Table) {
    if !is_root() {
        return table.skip("ledger", "the auditor is started by hand, which needs root");
    }
    let folder = places::scratch("ledger");
    let mut auditor = Auditor::start(folder.path());
    for under_way in [1, 16] {
        let floor = floor(&folder.path().join("floor"), under_way);
        let records = auditor.records_per_second(under_way);
        table.add(
            Row::new(format!("disk, durable KiB/s, {under_way} together"), floor, "/s")
                .note("a write into a file that is already there and fdatasync, nothing else"),
        );
        let note =
            format!("{:.2} × that; each with its leaf, its tree, and a signed checkpoint", records / floor);
        table.add(
            Row::new(format!("ledger, durable records/s, {under_way} under way"), records, "/s").note(note),
        );
    }
}

/// An auditor in its jail, with this program as its only producer.
struct Auditor {
    _jailed: Jailed,
    _control: UnixStream,
    records: UnixStream,
    next: u64,
}

impl Auditor {
    fn start(ledger: &Path) -> Self {
        std::fs::set_permissions(ledger, std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .expect("open up");
        let (mut control, control_end) = UnixStream::pair().expect("a link");
        let spec = JailSpec {
            process: "auditor".to_owned(),
            engine: SealedProgram::load(&places::programs(Build::Release).join("stockade-auditor"))
                .expect("seal"),
            identity: Identity::numbered(Privilege::Root, 4),
            network: Network::None,
            mounts: vec![Mount {
                source: MountSource::Path(ledger.to_owned()),
                target: "/ledger".to_owned(),
                writable: true,
                executable: false,
            }],
            descriptors: vec![control_end.into()],
            profile: filter::named("auditor").expect("the auditor's filter"),
            ceilings: CEILINGS,
            #[cfg(feature = "outside")]
            removed: jail::Removed::default(),
        };
        let mut jailed = jail::spawn(&spec).expect("the jail starts");
        drop(spec);
        jailed.report(Instant::now() + WITHIN).expect("the auditor reports");
        control.set_read_timeout(Some(WITHIN)).expect("a time limit");
        let start = ToAuditor::Start { origin: "stockade.local/bench".to_owned(), key: Secret::new([5; 32]) };
        tell(&control, &start, None);
        let ready: FromAuditor =
            read_frame(&mut control, auditor::FRAME_BYTES_MAX).expect("the auditor answers");
        assert!(matches!(ready, FromAuditor::Ready { size: 0 }), "{ready:?}");
        let (records, records_end) = UnixStream::pair().expect("a link");
        records.set_read_timeout(Some(WITHIN)).expect("a time limit");
        tell(&control, &ToAuditor::Producer { process: "gateway".to_owned() }, Some(&records_end));
        Self { _jailed: jailed, _control: control, records, next: 0 }
    }

    /// Keeps so many records under way for a while.
    fn records_per_second(&mut self, under_way: u64) -> f64 {
        let (begun, first) = (Instant::now(), self.next);
        let mut committed = self.next;
        while begun.elapsed() < MEASURED {
            while self.next < committed + under_way {
                self.append();
            }
            // One answer may stand for several records.
            committed = self.committed();
        }
        while committed < self.next {
            committed = self.committed();
        }
        (self.next - first) as f64 / begun.elapsed().as_secs_f64()
    }

    fn append(&mut self) {
        let denied =
            RequestDenied { principal: None, route: "/v1/models".to_owned(), code: Code::InvalidApiKey };
        let append = FromProducer::Append { seq: self.next, event: Event::RequestDenied(denied) };
        let bytes = frame::encode(&append, record::FRAME_BYTES_MAX).expect("a frame");
        self.records.write_all(&bytes).expect("the auditor listens");
        self.next += 1;
    }

    /// How many records are durable.
    fn committed(&mut self) -> u64 {
        match read_frame(&mut self.records, record::FRAME_BYTES_MAX).expect("the auditor answers") {
            Answer::Committed { seq, .. } => seq + 1,
            Answer::Refused { why, .. } => panic!("a record was refused: {why}"),
        }
    }
}

fn tell(control: &UnixStream, message: &ToAuditor, with: Option<&UnixStream>) {
    let bytes = frame::encode(message, auditor::FRAME_BYTES_MAX).expect("a frame");
    let descriptors: Vec<_> = with.iter().map(|one| one.as_fd()).collect();
    send_with(control, &bytes, &descriptors).expect("the auditor listens");
}

/// What the disk can do with a KiB for each record.
fn floor(path: &Path, together: u64) -> f64 {
    let block = vec![0x5a; usize::try_from(together).unwrap_or(1) * 1024];
    let mut file = File::create(path).expect("make a file");
    (0..SEGMENT / block.len()).for_each(|_| file.write_all(&block).expect("write"));
    file.sync_all().expect("sync");
    let (begun, mut writes) = (Instant::now(), 0_u64);
    while begun.elapsed() < MEASURED {
        let offset = writes * block.len() as u64 % (SEGMENT as u64 - block.len() as u64);
        file.write_all_at(&block, offset).expect("write");
        file.sync_data().expect("sync");
        writes += 1;
    }
    (writes * together) as f64 / begun.elapsed().as_secs_f64()
}

const CEILINGS: Ceilings = Ceilings {
    memory_bytes_max: 256 << 20,
    pids_max: 8,
    cpu_millicores_max: 1000,
    files_max: 256,
    file_bytes_max: 1 << 30,
};

/// Longest that the auditor may take for anything.
const WITHIN: Duration = Duration::from_mins(1);

/// How long each number is measured.
const MEASURED: Duration = Duration::from_secs(4);

/// Bytes of the file that the floor writes into.
const SEGMENT: usize = 16 << 20;
