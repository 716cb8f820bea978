//! One scan: which examiner sees what, and what becomes of their findings.

use std::collections::BTreeMap;

use proto::link::scan::{Entry, EntryKind, FINDINGS_BYTES_MAX, FINDINGS_MAX, Finding, ScanReport};

use super::Files;
use super::budget::{Budget, Fault};
use super::check::{self, Check};
use super::content::{Bytes, Content};
use super::examiner::{Format, HEAD_BYTES, Head, Looks};
use super::registry::EXAMINERS;
use super::subject::Subject;

/// A scan that is going on.
pub struct Scan<'s> {
    budget: &'s Budget<'s>,
    entries: &'s [Entry],
    files: &'s dyn Files,
    report: ScanReport,
    formats: BTreeMap<&'static str, u64>,
    findings_bytes: usize,
}

impl<'s> Scan<'s> {
    pub(super) fn new(budget: &'s Budget<'s>, entries: &'s [Entry], files: &'s dyn Files) -> Self {
        Self {
            budget,
            entries,
            files,
            report: ScanReport::default(),
            formats: BTreeMap::new(),
            findings_bytes: 0,
        }
    }

    /// What the scan may use.
    pub(crate) const fn budget(&self) -> &'s Budget<'s> {
        self.budget
    }

    /// The directory as a whole.
    pub(super) fn listing(&mut self) {
        for examiner in EXAMINERS {
            if let Looks::Listing(look) = examiner.looks
                && let Err(fault) = look(self, self.entries)
            {
                self.find_entry(of(&fault), "", &said(&fault));
            }
        }
    }

    /// One entry of the directory. Gives its bytes.
    pub(super) fn entry(&mut self, place: usize) -> u64 {
        let Some(entry) = self.entries.get(place) else { return 0 };
        self.report.entries = self.report.entries.saturating_add(1);
        let bytes = match entry.kind {
            EntryKind::File { bytes } => bytes,
            EntryKind::Link => {
                self.find_entry(&check::LINK, &entry.path, "is a symbolic link");
                return 0;
            }
            EntryKind::Special => {
                self.find_entry(&check::SPECIAL, &entry.path, "is a device, a socket or a pipe");
                return 0;
            }
            EntryKind::Unnamed => {
                self.find_entry(&check::NAME, &entry.path, "has a name that is no text");
                return 0;
            }
        };
        self.report.bytes = self.report.bytes.saturating_add(bytes);
        match self.files.open(place) {
            Ok(file) => self.file(&entry.path, &*file, bytes),
            Err(fault) => self.find_entry(of(&fault), &entry.path, &said(&fault)),
        }
        bytes
    }

    fn file(&mut self, path: &str, file: &dyn Bytes, bytes: u64) {
        let budget = self.budget;
        self.examine(&Subject::file(path, Content::new(file, bytes, budget)));
    }

    /// Counts a member of an archive, and examines it.
    pub(crate) fn member(&mut self, subject: &Subject<'_>) {
        match self.budget.member() {
            Ok(()) => self.inner(subject),
            Err(fault) => self.fault(subject, &fault),
        }
    }

    /// Examines a member that has been counted.
    pub(crate) fn inner(&mut self, subject: &Subject<'_>) {
        if subject.members.len() > self.budget.ceilings().depth_max as usize {
            self.fault(subject, &Fault::Ceiling("archives within one another"));
        } else {
            self.examine(subject);
        }
    }

    /// Examines a file or a member: by everyone who looks at everything, then by its format.
    pub(crate) fn examine(&mut self, subject: &Subject<'_>) {
        for examiner in EXAMINERS {
            if let Looks::Every(look) = examiner.looks
                && let Err(fault) = look(self, subject)
            {
                self.fault(subject, &fault);
            }
        }
        if let Some(format) = self.format_of(subject) {
            self.examine_as(format, subject);
        }
    }

    /// Examines a file or a member as a format, whatever it looks like.
    pub(crate) fn examine_as(&mut self, format: &Format, subject: &Subject<'_>) {
        self.count(format.name);
        match (format.examine)(self, subject) {
            Ok(end) => self.trailing(subject, end),
            Err(fault) => self.fault(subject, &fault),
        }
    }

    /// Counts a kind of archive among the formats.
    pub(crate) fn count(&mut self, name: &'static str) {
        let count = self.formats.entry(name).or_default();
        *count = count.saturating_add(1);
    }

    /// Reports what follows after a format's end, and looks at it as if it were a file.
    pub(crate) fn trailing(&mut self, subject: &Subject<'_>, end: u64) {
        let length = subject.content.length();
        let Some(bytes) = length.checked_sub(end).filter(|bytes| *bytes > 0) else { return };
        let mut shown = [0; EVIDENCE_BYTES];
        let shown = shown.get_mut(..usize::try_from(bytes).unwrap_or(EVIDENCE_BYTES).min(EVIDENCE_BYTES));
        let shown = shown.unwrap_or_default();
        let what = format!("{bytes} bytes follow after its end");
        if let Err(fault) = subject.content.read_at(end, shown) {
            return self.fault(subject, &fault);
        }
        self.find(&check::TRAILING, subject, Some(end), &what, shown);
        let Ok(content) = subject.content.part(end, bytes) else { return };
        let trailing = subject.member(AFTER_THE_END, "trailing", content);
        let found = recognised(&trailing).is_ok_and(|found| found.is_some());
        if found {
            self.member(&trailing);
        }
    }

    /// Which format examines a subject; nothing when that was a finding.
    fn format_of(&mut self, subject: &Subject<'_>) -> Option<&'static Format> {
        let found = match recognised(subject) {
            Ok(found) => found,
            Err(fault) => {
                self.fault(subject, &fault);
                return None;
            }
        };
        let extension = subject.extension().unwrap_or_default();
        let is_named = |format: &&Format| format.extensions.contains(&extension.as_str());
        let named = || formats().filter(is_named);
        match (found, named().next()) {
            (Some(found), None) => Some(found),
            (Some(found), Some(_)) if is_named(&found) => Some(found),
            (Some(found), Some(named)) => {
                let what = format!("is named like {} and begins like {}", named.name, found.name);
                self.find(&check::MISMATCH, subject, Some(0), &what, &[]);
                Some(found)
            }
            (None, Some(first)) => {
                let by_name = named().find(|format| format.by_name);
                if by_name.is_none() {
                    let what = format!("is named like {} and does not begin like it", first.name);
                    self.find(&check::MISMATCH, subject, Some(0), &what, &head(subject));
                }
                by_name
            }
            (None, None) => {
                let what = "is of no kind that is known to be harmless";
                self.find(&check::UNKNOWN, subject, Some(0), what, &head(subject));
                None
            }
        }
    }

    /// Reports what a check found in a subject.
    pub(crate) fn find(
        &mut self,
        check: &Check,
        subject: &Subject<'_>,
        offset: Option<u64>,
        what: &str,
        evidence: &[u8],
    ) {
        self.push(check, subject.path, &subject.members, offset, what, evidence);
    }

    /// Reports what a check found in an entry as a whole.
    pub(crate) fn find_entry(&mut self, check: &Check, path: &str, what: &str) {
        self.push(check, path, &[], None, what, &[]);
    }

    /// Reports that examining a subject ended early.
    pub(crate) fn fault(&mut self, subject: &Subject<'_>, fault: &Fault) {
        self.find(of(fault), subject, None, &said(fault), &[]);
    }

    fn push(
        &mut self,
        check: &Check,
        path: &str,
        members: &[String],
        offset: Option<u64>,
        what: &str,
        evidence: &[u8],
    ) {
        let finding = Finding {
            check: check.id.to_owned(),
            code: check.code,
            severity: check.severity,
            confidence: check.confidence,
            path: printable(path, PATH_CHARS_MAX),
            members: members.iter().map(|name| printable(name, NAME_CHARS_MAX)).collect(),
            offset,
            what: printable(what, WHAT_CHARS_MAX),
            evidence: shown(evidence),
        };
        // One mistake of a publisher is one finding, however often a file makes it.
        if self.report.findings.last() == Some(&finding) {
            return;
        }
        let texts = [&finding.path, &finding.what, &finding.evidence].into_iter().chain(&finding.members);
        let bytes = texts.fold(FINDING_BYTES, |sum: usize, text| sum.saturating_add(text.len()));
        self.findings_bytes = self.findings_bytes.saturating_add(bytes);
        if self.report.findings.len() < FINDINGS_MAX && self.findings_bytes <= FINDINGS_BYTES_MAX {
            self.report.findings.push(finding);
        } else {
            self.report.more = self.report.more.saturating_add(1);
        }
    }

    pub(super) fn into_report(mut self) -> ScanReport {
        self.report.members = self.budget.members();
        self.report.expanded_bytes = self.budget.expanded_bytes();
        self.report.formats =
            self.formats.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        self.report
    }
}

impl std::fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("report", &self.report).finish_non_exhaustive()
    }
}

/// The first format that a subject begins like.
fn recognised(subject: &Subject<'_>) -> Result<Option<&'static Format>, Fault> {
    let bytes = subject.content.beginning(HEAD_BYTES)?;
    let head = Head { name: subject.name(), bytes: &bytes, length: subject.content.length() };
    Ok(formats().find(|format| (format.recognise)(&head)))
}

fn formats() -> impl Iterator<Item = &'static Format> {
    EXAMINERS.iter().filter_map(|examiner| match &examiner.looks {
        Looks::Format(format) => Some(format),
        _ => None,
    })
}

fn head(subject: &Subject<'_>) -> Vec<u8> {
    subject.content.beginning(EVIDENCE_BYTES).unwrap_or_default()
}

/// The check that a fault is a finding of.
const fn of(fault: &Fault) -> &'static Check {
    match fault {
        Fault::Read(_) => &check::UNREADABLE,
        Fault::Ceiling(_) => &check::CEILING,
        Fault::Malformed(_) => &check::MALFORMED,
        Fault::Unsupported(_) => &check::UNSUPPORTED,
    }
}

fn said(fault: &Fault) -> String {
    match fault {
        Fault::Read(error) => format!("cannot be read: {error}"),
        Fault::Ceiling(counted) => format!("meets the ceiling on {counted}"),
        Fault::Malformed(rule) => rule.to_string(),
        Fault::Unsupported(part) => part.to_string(),
    }
}

/// A text without characters that a terminal would obey or a reader not see.
fn printable(text: &str, chars_max: usize) -> String {
    let harmless =
        |c: char| if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() { c } else { '\u{fffd}' };
    let mut printable: String = text.chars().take(chars_max).map(harmless).collect();
    if text.chars().nth(chars_max).is_some() {
        printable.push_str("...");
    }
    printable
}

/// Bytes as ASCII, what does not print as `\xNN`.
fn shown(bytes: &[u8]) -> String {
    bytes.iter().take(EVIDENCE_BYTES).flat_map(|byte| byte.escape_ascii()).map(char::from).collect()
}

/// What follows after a format's end, as a member's name.
const AFTER_THE_END: &str = "(after the end)";
/// What a finding takes beside its texts.
const FINDING_BYTES: usize = 64;
const EVIDENCE_BYTES: usize = 48;
const PATH_CHARS_MAX: usize = 1024;
const NAME_CHARS_MAX: usize = 256;
const WHAT_CHARS_MAX: usize = 300;
