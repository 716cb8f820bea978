//! Files that are known, and known not to be examined: programs, and archives that are not opened.

use proto::Code;
use proto::link::scan::{Confidence, Severity};

use super::budget::Fault;
use super::check::Check;
use super::examiner::{Examiner, Format, Head, Looks};
use super::run::Scan;
use super::subject::Subject;

pub(super) const EXAMINER: Examiner = Examiner {
    checks: &[&PROGRAM, &ARCHIVE],
    looks: Looks::Format(Format {
        name: "foreign",
        extensions: &[
            "7z", "rar", "bz2", "xz", "lzma", "zst", "lz4", "exe", "so", "dll", "dylib", "pyc", "joblib",
            "pkl", "pickle", "z", "sh", "wasm",
        ],
        recognise: |head| kind(head).is_some(),
        by_name: false,
        examine,
    }),
};

const PROGRAM: Check = Check {
    id: "foreign.program",
    code: Code::ContentUnsafe,
    severity: Severity::Critical,
    confidence: Confidence::High,
    explanation: "The file is a program or a library, which has no place in a package of weights.",
    fix: "remove it",
};

const ARCHIVE: Check = Check {
    id: "foreign.archive",
    code: Code::FormatUnsupported,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "The file is an archive or compressed in a way that the scan does not open. What was not examined is refused.",
    fix: "publish its files as they are, or in ZIP, tar or gzip",
};

/// How a file of a kind begins, the check it is a finding of, and its name.
const KINDS: &[(&[u8], &Check, &str)] = &[
    (b"\x7fELF", &PROGRAM, "a program or library for Linux"),
    (b"\xfe\xed\xfa\xce", &PROGRAM, "a program or library for macOS"),
    (b"\xfe\xed\xfa\xcf", &PROGRAM, "a program or library for macOS"),
    (b"\xce\xfa\xed\xfe", &PROGRAM, "a program or library for macOS"),
    (b"\xcf\xfa\xed\xfe", &PROGRAM, "a program or library for macOS"),
    (b"\xca\xfe\xba\xbe", &PROGRAM, "a program for Java or macOS"),
    (b"\0asm", &PROGRAM, "a WebAssembly program"),
    (b"#!", &PROGRAM, "a script"),
    (b"dex\n", &PROGRAM, "a program for Android"),
    (b"7z\xbc\xaf\x27\x1c", &ARCHIVE, "a 7z archive"),
    (b"Rar!\x1a\x07", &ARCHIVE, "a RAR archive"),
    (b"BZh", &ARCHIVE, "compressed with bzip2"),
    (b"\xfd7zXZ\0", &ARCHIVE, "compressed with xz"),
    (b"\x5d\0\0", &ARCHIVE, "compressed with LZMA"),
    (b"\x28\xb5\x2f\xfd", &ARCHIVE, "compressed with Zstandard"),
    (b"\x04\x22\x4d\x18", &ARCHIVE, "compressed with LZ4"),
    (b"LZIP", &ARCHIVE, "compressed with lzip"),
    (b"MSCF", &ARCHIVE, "a cabinet archive"),
    (b"!<arch>\n", &ARCHIVE, "an ar archive"),
    (b"070701", &ARCHIVE, "a cpio archive"),
    (b"hsqs", &ARCHIVE, "a file system image"),
    (b"%PDF-", &ARCHIVE, "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", &ARCHIVE, "an old Office document"),
    (b"ZF\x78", &ARCHIVE, "an array of an old joblib"),
];

fn kind(head: &Head<'_>) -> Option<(&'static Check, &'static str)> {
    let known = KINDS.iter().find(|(magic, ..)| head.bytes.starts_with(magic));
    if let Some((_, check, what)) = known {
        return Some((check, what));
    }
    // Two letters are not much: the header that they begin points to another.
    let four = head.bytes.get(0x3c..0x40)?.try_into().ok().map(u32::from_le_bytes)?;
    let signature = usize::try_from(four).ok().and_then(|at| head.bytes.get(at..at.checked_add(4)?));
    if head.bytes.starts_with(b"MZ") && signature.is_none_or(|signature| signature == b"PE\0\0") {
        return Some((&PROGRAM, "a program or library for Windows"));
    }
    // Compiled Python: a version of two bytes, and the line end that text mode would break.
    let compiled = head.bytes.get(2..4) == Some(b"\r\n") && head.name.to_ascii_lowercase().ends_with(".pyc");
    compiled.then_some((&PROGRAM, "compiled Python"))
}

fn examine(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let bytes = subject.content.beginning(super::examiner::HEAD_BYTES)?;
    let head = Head { name: subject.name(), bytes: &bytes, length: subject.content.length() };
    if let Some((check, what)) = kind(&head) {
        scan.find(check, subject, Some(0), &format!("is {what}"), &bytes);
    }
    Ok(subject.content.length())
}
