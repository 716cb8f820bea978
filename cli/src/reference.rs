//! The reference in docs/reference, made of the grammar, the configuration's own comments and the checks.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};

use crate::arguments::grammar;
use crate::config::file::File;
use crate::config::ranges::RANGES;
use crate::exit::Exit;
use crate::failure::{Result, host_call};
use crate::output::Output;

/// Which reference.
#[derive(Debug, Args)]
pub(crate) struct ReferenceArguments {
    page: Page,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Page {
    Cli,
    Configuration,
    Checks,
}

/// Prints a page.
pub(crate) fn reference(arguments: &ReferenceArguments, output: Output) -> Result<Exit> {
    let page = match arguments.page {
        Page::Cli => cli(),
        Page::Configuration => configuration()?,
        Page::Checks => checks(),
    };
    output.piece(&page);
    Ok(Exit::Done)
}

fn cli() -> String {
    let mut page = String::from(
        "# Commands\n\nMade by `stockade reference cli`; do not edit.\n\n\
         Results go to standard output; progress, warnings and errors to standard error. With `--json` both are \
         JSON, one object a line, and a failure is `{\"error\": {\"code\", \"message\", \"hint\"}}` with one of the \
         codes in `docs/errors/`.\n\n## Exit status\n\n| status | meaning |\n| --- | --- |\n",
    );
    for (exit, meaning) in Exit::ALL {
        let _ = writeln!(page, "| {} | {meaning} |", *exit as u8);
    }
    let mut grammar = grammar();
    grammar.build();
    command(&grammar, &mut page);
    page
}

fn checks() -> String {
    let mut page = String::from(
        "# Checks\n\nMade by `stockade reference checks`; do not edit. \
         [The guide](../guide/scan.md) says how they work together. From `medium` on a finding refuses.\n\n\
         | check | code | severity | what it means | what to do |\n| --- | --- | --- | --- | --- |\n",
    );
    for check in package::scan::checks() {
        let (id, code, explanation, fix) = (check.id, check.code, check.explanation, check.fix);
        let severity = format!("{:?}", check.severity).to_lowercase();
        let _ = writeln!(page, "| `{id}` | `{code}` | {severity} | {explanation} | {fix} |");
    }
    page
}

fn command(command: &clap::Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut alone = command.clone().after_help("");
    let help = alone.render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n"));
    for below in command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help") {
        self::command(below, page);
    }
}

fn configuration() -> Result<String> {
    let defaults =
        toml::Table::try_from(File::default()).map_err(|error| host_call("write the defaults", error))?;
    let mut page = String::from(
        "# Configuration\n\nMade by `stockade reference configuration` from the comments in `cli/src/config/file.rs`; \
         do not edit.\n\n`stockade.toml` is read from `--config`, or else from `/etc/stockade/stockade.toml` (root) or \
         `$XDG_CONFIG_HOME/stockade/stockade.toml` (others). Unknown keys, and numbers out of range, are refused. \
         Paths are relative to the file.\n",
    );
    for (name, about, keys) in sections(include_str!("config/file.rs")) {
        let Some((section, title)) =
            SECTIONS.iter().find(|(known, _, _)| *known == name).map(|(_, s, t)| (*s, *t))
        else {
            continue;
        };
        let _ = write!(
            page,
            "\n## {title}\n\n{about}\n\n| key | default | may be | meaning |\n| --- | --- | --- | --- |\n"
        );
        for (key, meaning) in keys {
            let default = match section {
                "" => defaults.get(&key),
                section => defaults.get(section).and_then(|table| table.get(&key)),
            };
            // Sections have a table of their own.
            if default.is_some_and(toml::Value::is_table) {
                continue;
            }
            let default = default.map_or_else(|| "–".to_owned(), |value| format!("`{value}`"));
            let range = RANGES.iter().find(|range| range.section == section && range.key == key);
            let range =
                range.map_or_else(|| "–".to_owned(), |range| format!("{} to {}", range.least, range.most));
            let _ = writeln!(page, "| `{key}` | {default} | {range} | {meaning} |");
        }
    }
    Ok(page)
}

/// A structure's name, its comment, and each key with its comment.
type Section = (String, String, Vec<(String, String)>);

/// Reads structures and their comments from source in the house's form: one field a line.
fn sections(source: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
        } else if let Some(name) =
            line.strip_prefix("pub(crate) struct ").and_then(|rest| rest.strip_suffix(" {"))
        {
            found.push((name.to_owned(), comment.join(" "), Vec::new()));
            comment.clear();
        } else if let Some((name, _)) =
            line.strip_prefix("pub(crate) ").and_then(|rest| rest.split_once(": "))
            && let Some((_, _, keys)) = found.last_mut()
        {
            keys.push((name.replace('_', "-"), comment.join(" ")));
            comment.clear();
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
    found
}

/// Structures of the configuration, the section that each is, and what the reference calls it.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("File", "", "Top of the file"),
    ("Limits", "limits", "`[limits]`"),
    ("Engine", "engine", "`[engine]`"),
    ("Ceilings", "ceilings", "`[ceilings]`"),
    ("Model", "models", "`[[models]]`"),
    ("Signer", "signers", "`[[signers]]`"),
    ("Key", "keys", "`[[keys]]`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_of_commands_is_up_to_date() {
        let written = include_str!("../../docs/reference/cli.md");
        assert!(written == cli(), "run: stockade reference cli > docs/reference/cli.md");
    }

    #[test]
    fn the_reference_of_the_configuration_is_up_to_date() {
        let written = include_str!("../../docs/reference/configuration.md");
        let remedy = "run: stockade reference configuration > docs/reference/configuration.md";
        assert!(written == configuration().unwrap(), "{remedy}");
    }

    #[test]
    fn the_reference_of_checks_is_up_to_date() {
        let written = include_str!("../../docs/reference/checks.md");
        assert!(written == checks(), "run: stockade reference checks > docs/reference/checks.md");
    }

    #[test]
    fn every_key_is_documented() {
        let found = sections(include_str!("config/file.rs"));
        assert_eq!(found.len(), SECTIONS.len());
        for (name, about, keys) in found {
            assert!(!about.is_empty() && !keys.is_empty(), "{name}");
            assert!(keys.iter().all(|(_, meaning)| meaning.ends_with('.')), "{name}: {keys:?}");
        }
    }
}
