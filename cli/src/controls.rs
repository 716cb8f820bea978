//! The table of controls: one line a control, one column a process, and why something is missing.

use proto::posture::{ControlStatus, Status};

use crate::output::{Output, Paint};
use crate::text::harmless;

/// The lines of the table. `accepted` are the controls whose weakness the operator accepted.
pub(crate) fn table(columns: &[(&str, &[ControlStatus])], output: Output) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for control in columns.iter().flat_map(|(_, controls)| controls.iter()) {
        if !names.contains(&control.control.as_str()) {
            names.push(&control.control);
        }
    }
    let widest = names.iter().map(|name| name.len()).chain(["control".len()]).max().unwrap_or_default();
    let header: Vec<String> = columns.iter().map(|(name, _)| format!("{name:10}")).collect();
    let header = format!("{:widest$}  {}", "control", header.join("  "));
    let mut lines = vec![output.paint(header.trim_end(), Paint::Faint)];
    for name in names {
        let cells: String =
            columns.iter().map(|(_, controls)| cell(status(controls, name), output)).collect();
        lines.push(format!("{name:widest$}{cells}").trim_end().to_owned());
    }
    lines.extend(shortcomings(columns, output));
    lines
}

/// Controls that are not enforced in some process, each once, in the order of the table.
pub(crate) fn missing<'c>(columns: &[(&str, &'c [ControlStatus])]) -> Vec<&'c str> {
    let mut names: Vec<&str> = Vec::new();
    for control in columns.iter().flat_map(|(_, controls)| controls.iter()) {
        if control.status != Status::Enforced && !names.contains(&control.control.as_str()) {
            names.push(&control.control);
        }
    }
    names
}

/// How many controls are enforced in every process, and how many there are.
pub(crate) fn score(columns: &[(&str, &[ControlStatus])]) -> (usize, usize) {
    let missing = missing(columns).len();
    let mut names: Vec<&str> =
        columns.iter().flat_map(|(_, controls)| controls.iter()).map(|one| one.control.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    (names.len() - missing, names.len())
}

fn status<'c>(controls: &'c [ControlStatus], name: &str) -> Option<&'c Status> {
    controls.iter().find(|control| control.control == name).map(|control| &control.status)
}

fn cell(status: Option<&Status>, output: Output) -> String {
    let (word, paint) = match status {
        None => ("-", Paint::Faint),
        Some(Status::Enforced) => ("enforced", Paint::Good),
        Some(Status::Degraded { .. }) => ("degraded", Paint::Warning),
        Some(Status::Absent { .. }) => ("absent", Paint::Bad),
    };
    format!("  {}", output.paint(&format!("{word:10}"), paint))
}

/// Why controls are not whole, processes with the same reason in one line.
fn shortcomings(columns: &[(&str, &[ControlStatus])], output: Output) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (process, controls) in columns {
        for control in *controls {
            let (word, why) = match &control.status {
                Status::Enforced => continue,
                Status::Degraded { missing } => ("degraded", missing),
                Status::Absent { why } => ("absent", why),
            };
            let reason = format!("{} is {word}: {}", control.control, harmless(why));
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, processes)) => processes.push(process),
                None => reasons.push((reason, vec![process])),
            }
        }
    }
    let line = |(reason, processes): (String, Vec<&str>)| {
        // Where there is one column, it goes without saying.
        let place = if columns.len() > 1 { format!(" ({})", processes.join(", ")) } else { String::new() };
        output.paint(&format!("! {reason}{place}"), Paint::Warning)
    };
    reasons.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(name: &str, status: Status) -> ControlStatus {
        ControlStatus { control: name.to_owned(), status }
    }

    #[test]
    fn every_control_is_a_line_and_every_weakness_has_its_reason() {
        let absent = Status::Absent { why: "rootless".to_owned() };
        let worker = [control("identity", absent.clone()), control("seccomp", Status::Enforced)];
        let gateway = [
            control("identity", absent),
            control("landlock", Status::Degraded { missing: "tcp".to_owned() }),
        ];
        let columns: [(&str, &[ControlStatus]); 2] = [("demo", &worker), ("gateway", &gateway)];
        let expected = "\
control   demo        gateway
identity  absent      absent
seccomp   enforced    -
landlock  -           degraded
! identity is absent: rootless (demo, gateway)
! landlock is degraded: tcp (gateway)";
        assert_eq!(table(&columns, Output::new(true)).join("\n"), expected);
        assert_eq!(missing(&columns), ["identity", "landlock"]);
        assert_eq!(score(&columns), (1, 3));
    }
}
