//! A scan's report as SARIF 2.1.0, which code hosts and editors show.

use package::scan::checks;
use proto::link::scan::{Finding, ScanReport, Severity};
use serde_json::{Map, Value, json};

use super::scan::{check, place};

/// The log of one scan.
pub(super) fn log(report: &ScanReport) -> Value {
    let rules: Vec<Value> = checks()
        .into_iter()
        .map(|check| {
            json!({
                "id": check.id,
                "shortDescription": {"text": check.explanation},
                "help": {"text": check.fix},
                "defaultConfiguration": {"level": level(check.severity)},
                "properties": {"code": check.code.as_str(), "security-severity": score(check.severity)},
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Stockade",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{"executionSuccessful": true}],
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let mut physical = Map::new();
    physical.insert("artifactLocation".to_owned(), json!({"uri": uri(&finding.path)}));
    // Of a member there is no place in the file.
    if let (Some(offset), true) = (finding.offset, finding.members.is_empty()) {
        physical.insert("region".to_owned(), json!({"byteOffset": offset, "byteLength": 1}));
    }
    let mut location = Map::new();
    location.insert("physicalLocation".to_owned(), Value::Object(physical));
    if let Some(member) = finding.members.last() {
        let logical =
            json!([{"name": member, "fullyQualifiedName": finding.members.join("/"), "kind": "member"}]);
        location.insert("logicalLocations".to_owned(), logical);
    }
    let mut result = Map::new();
    // The inspector may be lying about the check.
    if let Some(rule) = checks().iter().position(|check| check.id == finding.check) {
        result.insert("ruleIndex".to_owned(), json!(rule));
    }
    result.insert("ruleId".to_owned(), json!(finding.check));
    result.insert("level".to_owned(), json!(level(finding.severity)));
    result.insert("message".to_owned(), json!({"text": format!("{}: {}", place(finding), finding.what)}));
    result.insert("locations".to_owned(), json!([location]));
    let properties = json!({
        "code": finding.code.as_str(),
        "confidence": finding.confidence,
        "evidence": finding.evidence,
        "fix": check(finding).map(|check| check.fix),
    });
    result.insert("properties".to_owned(), properties);
    Value::Object(result)
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}

/// On the scale of CVSS, as code hosts sort by it.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Note => "0.0",
    }
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Code;
    use proto::link::scan::Confidence;

    #[test]
    fn a_finding_names_its_rule_and_its_place() {
        let finding = Finding {
            check: "pickle.call".to_owned(),
            code: Code::ContentUnsafe,
            severity: Severity::Critical,
            confidence: Confidence::High,
            path: "a b/ü.pt".to_owned(),
            members: vec!["x/data.pkl".to_owned()],
            offset: Some(7),
            what: "would call os.system".to_owned(),
            evidence: String::new(),
        };
        let report = ScanReport { findings: vec![finding], ..ScanReport::default() };
        let log = log(&report);
        let run = &log["runs"][0];
        let result = &run["results"][0];
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], "pickle.call");
        let location = &result["locations"][0];
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "a%20b/%C3%BC.pt");
        assert_eq!(location["physicalLocation"].get("region"), None);
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "x/data.pkl");
        assert_eq!(result["level"], "error");
    }
}
