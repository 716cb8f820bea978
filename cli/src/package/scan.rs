//! `scan`: an inspector looks at every byte of what nobody signed, in its jail; here its report is
//! shown.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use package::scan::{Check, checks};
use proto::link::operator::{FromSupervisor, ToSupervisor};
use proto::link::scan::{Finding, ScanReport, Severity};
use serde_json::{Value, json};

use super::sarif;
use crate::arguments::{Accepted, Common};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::{Result, host, usage};
use crate::output::{Output, Paint};
use crate::plan;
use crate::progress::Progress;
use crate::supervisor::{Supervisor, unexpected};
use crate::text::{bytes, count, harmless};

/// What to scan.
#[derive(Debug, Args)]
pub(crate) struct ScanArguments {
    /// A directory or a file. It needs no manifest and no signature.
    path: PathBuf,
    /// Write the findings to a file too, as SARIF 2.1.0.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    #[command(flatten)]
    accepted: Accepted,
}

/// Has it scanned, and shows what came of it.
pub(super) fn scan(arguments: &ScanArguments, common: &Common, output: Output) -> Result<Exit> {
    let config = Config::load(common.config.as_deref())?;
    let path = std::path::absolute(&arguments.path)
        .map_err(|error| host("find the current directory of", &arguments.path, &error))?;
    let text = path.to_str().ok_or_else(|| usage("the path is no text"))?;
    let command = ToSupervisor::Scan {
        path: text.to_owned(),
        accepted: plan::accepted(&arguments.accepted.controls, &config)?,
    };
    let mut supervisor = Supervisor::start()?;
    supervisor.send(&command, &[])?;
    // As JSON the answer is the one thing that is said.
    let mut progress = (!output.json()).then(|| Progress::new(output));
    let report = loop {
        match supervisor.next()? {
            FromSupervisor::Progress { stage, done, all } => {
                if let Some(progress) = &mut progress {
                    progress.show(&stage, done, all);
                }
            }
            FromSupervisor::Scanned(report) => break report,
            _ => return Err(unexpected()),
        }
    };
    drop(progress);
    if let Some(file) = &arguments.sarif {
        let text = sarif::log(&report).to_string();
        std::fs::write(file, text).map_err(|error| host("write", file, &error))?;
    }
    if output.json() {
        output.value(&value(&report));
    } else {
        output.lines(&lines(&report, output));
    }
    Ok(if report.refuses() { Exit::PackageRejected } else { Exit::Done })
}

/// The check of a finding. The inspector may be lying.
pub(super) fn check(finding: &Finding) -> Option<&'static Check> {
    checks().into_iter().find(|check| check.id == finding.check)
}

/// Where something was found.
pub(super) fn place(finding: &Finding) -> String {
    let mut place = finding.path.clone();
    for member in &finding.members {
        place.push_str(" → ");
        place.push_str(member);
    }
    let offset = finding.offset.map(|offset| format!(" at {offset}")).unwrap_or_default();
    harmless(&(place + &offset))
}

fn lines(report: &ScanReport, output: Output) -> Vec<String> {
    let mut lines = Vec::new();
    let mut explained: BTreeMap<&str, &Check> = BTreeMap::new();
    for finding in report.findings.iter().take(FINDINGS_SHOWN) {
        let (word, paint) = match finding.severity {
            Severity::Critical => ("critical", Paint::Bad),
            Severity::High => ("high", Paint::Bad),
            Severity::Medium => ("medium", Paint::Warning),
            Severity::Low => ("low", Paint::Faint),
            Severity::Note => ("note", Paint::Faint),
        };
        let word = output.paint(&format!("{word:8}"), paint);
        lines.push(format!("{word}  {}", output.paint(&place(finding), Paint::Strong)));
        lines.push(format!("          {}: {}", harmless(&finding.check), harmless(&finding.what)));
        if !finding.evidence.is_empty() {
            lines.push(output.paint(&format!("          {}", harmless(&finding.evidence)), Paint::Faint));
        }
        if let Some(check) = check(finding) {
            explained.insert(check.id, check);
        }
    }
    let shown = report.findings.len().min(FINDINGS_SHOWN);
    let hidden = (report.findings.len() as u64).saturating_add(report.more).saturating_sub(shown as u64);
    if hidden > 0 {
        lines.push(format!("and {hidden} more findings (--json lists more)"));
    }
    for (id, check) in explained {
        lines.push(format!("{} {}", output.paint(id, Paint::Strong), check.explanation));
        lines.push(format!("  {} {}", output.paint("fix:", Paint::Faint), check.fix));
    }
    let formats: Vec<String> = report
        .formats
        .iter()
        .map(|(name, number)| format!("{} {}", count(*number), harmless(name)))
        .collect();
    let looked = format!(
        "{} files, {} members, {}: {}",
        report.entries,
        report.members,
        bytes(report.bytes),
        if formats.is_empty() { "nothing that is known".to_owned() } else { formats.join(", ") }
    );
    lines.push(output.paint(&looked, Paint::Faint));
    lines.push(if report.refuses() {
        output.paint("refused", Paint::Bad)
    } else {
        format!("{}  nothing that harms whoever loads it", output.paint("accepted", Paint::Good))
    });
    lines
}

fn value(report: &ScanReport) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "check": finding.check,
            "code": finding.code.as_str(),
            "severity": finding.severity,
            "confidence": finding.confidence,
            "path": finding.path,
            "members": finding.members,
            "offset": finding.offset,
            "what": finding.what,
            "evidence": finding.evidence,
            "explanation": check(finding).map(|check| check.explanation),
            "fix": check(finding).map(|check| check.fix),
        })
    };
    json!({
        "verdict": if report.refuses() { "refused" } else { "accepted" },
        "entries": report.entries,
        "members": report.members,
        "bytes": report.bytes,
        "expanded_bytes": report.expanded_bytes,
        "formats": report.formats.iter().cloned().collect::<BTreeMap<_, _>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "more": report.more,
    })
}

/// As many as one reads.
const FINDINGS_SHOWN: usize = 50;
