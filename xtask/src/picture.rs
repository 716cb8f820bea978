//! `docs/pictures/demo.svg`: what `cargo demo` prints, as it prints it.

use std::fmt::Write as _;
use std::fs;

use crate::failure::Failure;
use crate::{command, screen, tree};

/// Runs the demo once, on a terminal of its own so that everything has its colours, and draws it.
pub(crate) fn run() -> Result<(), Failure> {
    let mut demo = command::program("script");
    demo.args(["--quiet", "--return", "--command", "cargo demo --once", "/dev/null"]).env("COLUMNS", "120");
    let mut lines = vec!["\u{1b}[1m$ cargo demo\u{1b}[0m".to_owned()];
    let log = tree::scratch("picture")?.join("demo.log");
    let status = command::run(demo, &log, |line| {
        // Another cargo at work is no part of the demo.
        if !line.contains("waiting for file lock") {
            lines.extend(wrapped(&without_key(shown(line))));
        }
    })?;
    if !status.success() {
        lines.iter().for_each(screen::line);
        return Err(Failure::new("the demo failed"));
    }
    let path = tree::root().join("docs/pictures/demo.svg");
    fs::create_dir_all(path.parent().unwrap_or(&path))
        .map_err(|error| Failure::io(path.display(), &error))?;
    fs::write(&path, draw(&lines)).map_err(|error| Failure::io(path.display(), &error))?;
    screen::line("docs/pictures/demo.svg");
    Ok(())
}

/// What a line shows in the end: progress is written over.
fn shown(line: &str) -> &str {
    let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    last.rsplit("\u{1b}[K").next().unwrap_or_default()
}

/// A line with the run's API key cut short: it is worth nothing any more, but looks as if.
fn without_key(line: &str) -> String {
    const KEY: &str = "sk-stockade-";
    let Some((before, key)) = line.split_once(KEY) else { return line.to_owned() };
    let after = key.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
    format!("{before}{KEY}…{after}")
}

/// A line as a terminal breaks it. The second part has no colour: only plain lines are that long.
fn wrapped(line: &str) -> Vec<String> {
    if plain(line).chars().count() <= COLUMNS_MAX {
        return vec![line.to_owned()];
    }
    let characters: Vec<char> = plain(line).chars().collect();
    characters.chunks(COLUMNS_MAX).map(|part| part.iter().collect()).collect()
}

/// A terminal's lines as a picture.
fn draw(lines: &[String]) -> String {
    let columns = lines.iter().map(|line| plain(line).chars().count()).max().unwrap_or(0);
    let width = columns * COLUMN_TENTHS / 10 + 2 * MARGIN;
    let height = lines.len() * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"What cargo demo prints\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let y = MARGIN + (index + 1) * LINE - LINE / 4;
        let _ = writeln!(svg, "<text x=\"{MARGIN}\" y=\"{y}\" xml:space=\"preserve\">{}</text>", spans(line));
    }
    svg.push_str("</svg>\n");
    svg
}

/// A line with its colours as classes.
fn spans(line: &str) -> String {
    let mut out = String::new();
    for (code, text) in pieces(line) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let class = CLASSES.iter().find(|(known, _)| *known == code).map(|(_, class)| *class);
        match class {
            _ if text.is_empty() => {}
            Some(class) => {
                let _ = write!(out, "<tspan class=\"{class}\">{text}</tspan>");
            }
            None => out.push_str(&text),
        }
    }
    out
}

fn plain(line: &str) -> String {
    pieces(line).into_iter().map(|(_, text)| text).collect()
}

/// Each stretch of text with the colour code that stands before it.
fn pieces(line: &str) -> Vec<(&str, &str)> {
    let mut stretches = line.split("\u{1b}[");
    let first = stretches.next().unwrap_or_default();
    std::iter::once(("0", first)).chain(stretches.filter_map(|stretch| stretch.split_once('m'))).collect()
}

const CLASSES: &[(&str, &str)] =
    &[("1", "b"), ("2", "d"), ("31", "r"), ("32", "g"), ("33", "y"), ("92", "g")];

const COLUMNS_MAX: usize = 118;

const STYLE: &str = "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dae0}\
                     .b{font-weight:700;fill:#fff}.d{fill:#8b93a1}.r{fill:#ff7b72}.g{fill:#7ee787}.y{fill:#e3b341}";

/// Tenths of a pixel that a character is wide, pixels of a line and around the text.
const COLUMN_TENTHS: usize = 85;
const LINE: usize = 20;
const MARGIN: usize = 20;

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn progress_is_written_over_and_long_lines_are_broken() {
        assert_eq!(shown("10 %\r20 %\r\u{1b}[Kdone\r"), "done");
        assert_eq!(without_key("Bearer sk-stockade-a_B-9' -d"), "Bearer sk-stockade-…' -d");
        assert_eq!(wrapped(&"x".repeat(COLUMNS_MAX + 2)).last().unwrap(), "xx");
    }

    #[test]
    fn colours_become_classes_and_markup_is_escaped() {
        assert_eq!(
            spans("a \u{1b}[32mok\u{1b}[0m <b> & c"),
            "a <tspan class=\"g\">ok</tspan> &lt;b> &amp; c"
        );
        assert_eq!(plain("\u{1b}[1mx\u{1b}[0my"), "xy");
    }
}
