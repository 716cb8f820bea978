//! Arrays of NumPy: a header that is a Python literal, then elements; of objects, a pickle.

mod literal;

use proto::Code;
use proto::link::scan::{Confidence, Severity};

use super::budget::{Fault, malformed};
use super::check::Check;
use super::examiner::{Examiner, Format, Looks};
use super::pickle;
use super::run::Scan;
use super::subject::Subject;
use literal::{Elements, Header};

pub(super) const EXAMINER: Examiner = Examiner {
    checks: &[&OBJECTS],
    looks: Looks::Format(Format {
        name: "numpy",
        extensions: &["npy"],
        recognise: |head| head.bytes.starts_with(MAGIC),
        by_name: false,
        examine,
    }),
};

const OBJECTS: Check = Check {
    id: "numpy.objects",
    code: Code::ContentUnsafe,
    severity: Severity::Note,
    confidence: Confidence::High,
    explanation: "The array's elements are objects, so its bytes are a pickle. It was examined as one.",
    fix: "store numbers, not objects",
};

fn examine(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let mut reader = subject.content.reader();
    let [.., major, minor]: [u8; 8] = reader.array()?;
    let length = match (major, minor) {
        (1, 0) => usize::from(u16::from_le_bytes(reader.array()?)),
        (2 | 3, 0) => usize::try_from(u32::from_le_bytes(reader.array()?)).unwrap_or(usize::MAX),
        _ => return malformed(format!("is of version {major}.{minor}, which there is not")),
    };
    if length > HEADER_BYTES_MAX {
        return Err(Fault::Ceiling("bytes of an array's header"));
    }
    let header = reader.take(length)?;
    let Some(Header { elements, count }) = std::str::from_utf8(&header).ok().and_then(literal::parse) else {
        return malformed("has a header that does not describe an array");
    };
    let start = reader.position();
    match elements {
        Elements::Plain(bytes) => match count.checked_mul(bytes) {
            Some(all) => {
                reader.skip(all)?;
                Ok(reader.position())
            }
            None => Err(Fault::CUT),
        },
        Elements::Objects => {
            scan.find(&OBJECTS, subject, Some(start), "has objects as elements", &[]);
            let rest = subject.content.part(start, subject.content.length().saturating_sub(start))?;
            let inner = subject.member("(objects)", "numpy", rest);
            let end = pickle::examine(scan, &inner)?;
            Ok(start.saturating_add(end))
        }
    }
}

const MAGIC: &[u8] = b"\x93NUMPY";
/// What NumPy itself accepts.
const HEADER_BYTES_MAX: usize = 10_000;
