//! The table of controls: one line a control, one column for processes that are alike, and why something
//! is missing.

use proto::posture::{ControlStatus, Status};

use crate::output::{Output, Paint};
use crate::text::harmless;

/// A process and what was found of its controls.
pub(crate) type Column<'c> = (&'c str, &'c [ControlStatus]);

/// The lines of the table.
pub(crate) fn table(columns: &[Column<'_>], output: Output) -> Vec<String> {
    let names = names(columns);
    let widest = names.iter().map(|name| name.len()).max().unwrap_or_default().max("control".len());
    let groups = alike(columns);
    let titles: Vec<String> = groups.iter().map(|group| title(group, columns.len())).collect();
    let header = titles.iter().map(|title| format!("{title:CELL$}")).collect::<Vec<_>>().join("  ");
    let mut lines = vec![output.paint(format!("{:widest$}  {header}", "control").trim_end(), Paint::Faint)];
    for name in names {
        let cell = |(group, title): (&Vec<Column<'_>>, &String)| {
            cell(
                group.first().and_then(|(_, controls)| status(controls, name)),
                title.len().max(CELL),
                output,
            )
        };
        let cells = groups.iter().zip(&titles).map(cell).collect::<Vec<_>>().join("  ");
        lines.push(format!("{name:widest$}  {}", cells.trim_end()));
    }
    lines.extend(shortcomings(columns, output));
    lines
}

/// Controls that are not enforced in some process, each once, in the order of the table.
pub(crate) fn missing<'c>(columns: &[Column<'c>]) -> Vec<&'c str> {
    let mut missing = names(columns);
    missing.retain(|name| {
        columns.iter().any(|(_, controls)| status(controls, name).is_some_and(|one| *one != Status::Enforced))
    });
    missing
}

/// How many controls are enforced in every process, and how many there are.
pub(crate) fn score(columns: &[Column<'_>]) -> (usize, usize) {
    let all = names(columns).len();
    (all - missing(columns).len(), all)
}

/// Every control that was looked for, each once, in the order in which it was reported.
fn names<'c>(columns: &[Column<'c>]) -> Vec<&'c str> {
    let mut names: Vec<&str> = Vec::new();
    for control in columns.iter().flat_map(|(_, controls)| controls.iter()) {
        if !names.contains(&control.control.as_str()) {
            names.push(&control.control);
        }
    }
    names
}

/// Processes with the same findings together.
fn alike<'c>(columns: &[Column<'c>]) -> Vec<Vec<Column<'c>>> {
    let mut groups: Vec<Vec<Column<'_>>> = Vec::new();
    for column in columns {
        let same =
            |group: &&mut Vec<Column<'_>>| group.first().is_some_and(|(_, controls)| *controls == column.1);
        match groups.iter_mut().find(same) {
            Some(group) => group.push(*column),
            None => groups.push(vec![*column]),
        }
    }
    groups
}

fn title(group: &[Column<'_>], all: usize) -> String {
    if group.len() == all && all > 1 {
        return "every process".to_owned();
    }
    group.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn status<'c>(controls: &'c [ControlStatus], name: &str) -> Option<&'c Status> {
    controls.iter().find(|control| control.control == name).map(|control| &control.status)
}

fn cell(status: Option<&Status>, width: usize, output: Output) -> String {
    let (word, paint) = match status {
        None => ("-", Paint::Faint),
        Some(Status::Enforced) => ("enforced", Paint::Good),
        Some(Status::Degraded { .. }) => ("degraded", Paint::Warning),
        Some(Status::Absent { .. }) => ("absent", Paint::Bad),
    };
    // Padded outside of the colour: its codes have no width.
    format!("{}{:2$}", output.paint(word, paint), "", width - word.len())
}

/// Why controls are not whole, processes with the same reason in one line.
fn shortcomings(columns: &[Column<'_>], output: Output) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<Column<'_>>)> = Vec::new();
    for column in columns {
        for control in column.1 {
            let (word, why) = match &control.status {
                Status::Enforced => continue,
                Status::Degraded { missing } => ("degraded", missing),
                Status::Absent { why } => ("absent", why),
            };
            let reason = format!("{} is {word}: {}", control.control, harmless(why));
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, processes)) => processes.push(*column),
                None => reasons.push((reason, vec![*column])),
            }
        }
    }
    let line = |(reason, processes): (String, Vec<Column<'_>>)| {
        // Where all are meant, it goes without saying.
        let of = if processes.len() == columns.len() {
            String::new()
        } else {
            format!(" ({})", title(&processes, columns.len()))
        };
        output.paint(&format!("! {reason}{of}"), Paint::Warning)
    };
    reasons.into_iter().map(line).collect()
}

/// Least width of a column.
const CELL: usize = 8;

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
        let columns: [Column<'_>; 3] = [("demo", &worker), ("gateway", &gateway), ("gguf", &worker)];
        let expected = "\
control   demo, gguf  gateway
identity  absent      absent
seccomp   enforced    -
landlock  -           degraded
! identity is absent: rootless
! landlock is degraded: tcp (gateway)";
        assert_eq!(table(&columns, Output::new(true)).join("\n"), expected);
        assert_eq!(missing(&columns), ["identity", "landlock"]);
        assert_eq!(score(&columns), (1, 3));
    }

    #[test]
    fn processes_that_are_all_alike_are_one_column() {
        let controls = [control("seccomp", Status::Enforced)];
        let columns: [Column<'_>; 2] = [("demo", &controls), ("gateway", &controls)];
        let expected = "control  every process\nseccomp  enforced";
        assert_eq!(table(&columns, Output::new(true)).join("\n"), expected);
    }
}
