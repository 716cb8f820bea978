//! Which numbers a key may have. What is absurd is refused before anything is started with it.

use super::file::{Ceilings, Engine, File};

/// A section's key and the smallest and largest number that it may have.
pub(crate) struct Range {
    pub(crate) section: &'static str,
    pub(crate) key: &'static str,
    pub(crate) least: i64,
    pub(crate) most: i64,
}

/// Checks every number of a configuration.
pub(crate) fn check(file: &File) -> Result<(), String> {
    let table = toml::Table::try_from(file).map_err(|error| error.to_string())?;
    section(&table, "")?;
    for name in ["limits", "engine", "ceilings"] {
        section(table.get(name).and_then(toml::Value::as_table).unwrap_or(&toml::Table::new()), name)?;
    }
    file.models.iter().try_for_each(|model| model_sections(model.engine.as_ref(), model.ceilings.as_ref()))
}

fn model_sections(engine: Option<&Engine>, ceilings: Option<&Ceilings>) -> Result<(), String> {
    let table = |value: Result<toml::Table, _>| value.map_err(|error: toml::ser::Error| error.to_string());
    if let Some(engine) = engine {
        section(&table(toml::Table::try_from(engine))?, "engine")?;
    }
    if let Some(ceilings) = ceilings {
        section(&table(toml::Table::try_from(ceilings))?, "ceilings")?;
    }
    Ok(())
}

/// Checks the numbers of one section; what is unset has no number.
fn section(table: &toml::Table, name: &str) -> Result<(), String> {
    for Range { section, key, least, most } in RANGES.iter().filter(|range| range.section == name) {
        if let Some(found) = table.get(*key).and_then(toml::Value::as_integer)
            && !(*least..=*most).contains(&found)
        {
            let dot = if section.is_empty() { "" } else { "." };
            return Err(format!("`{section}{dot}{key}` is {found}; it may be {least} to {most}"));
        }
    }
    Ok(())
}

const fn range(section: &'static str, key: &'static str, least: i64, most: i64) -> Range {
    Range { section, key, least, most }
}

/// Every key that is a number.
pub(crate) const RANGES: &[Range] = &[
    range("", "start-ms-max", 1000, 3_600_000),
    range("limits", "body-bytes-max", 1024, 16 * 1024 * 1024 - 4096),
    range("limits", "header-bytes-max", 1024, 256 * 1024),
    range("limits", "read-ms-max", 100, 600_000),
    range("limits", "messages-max", 1, 65_536),
    range("limits", "prompt-tokens-max", 1, 16_777_216),
    range("limits", "output-tokens-max", 1, 16_777_216),
    range("limits", "output-bytes-max", 1024, 1 << 30),
    range("limits", "wall-ms-max", 100, 86_400_000),
    range("limits", "in-flight-max", 1, 65_536),
    range("limits", "in-flight-per-key-max", 1, 65_536),
    range("limits", "connections-max", 1, 3500),
    range("engine", "slots", 1, 1024),
    range("engine", "context-tokens-max", 16, 16_777_216),
    range("engine", "queue-max", 0, 65_536),
    range("engine", "threads", 1, 1024),
    range("ceilings", "memory-mib", 64, 16 * 1024 * 1024),
    range("ceilings", "pids", 4, 65_536),
    range("ceilings", "cpu-millicores", 10, 1_024_000),
    range("ceilings", "files", 16, 65_536),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_file_has_a_range_and_a_default_within_it() {
        let table = toml::Table::try_from(File::default()).unwrap();
        let mut numbers: Vec<(String, String)> = Vec::new();
        for (key, value) in &table {
            match value {
                toml::Value::Integer(_) => numbers.push((String::new(), key.clone())),
                toml::Value::Table(section) => {
                    let keys = section.iter().filter(|(_, value)| value.is_integer());
                    numbers.extend(keys.map(|(name, _)| (key.clone(), name.clone())));
                }
                _ => {}
            }
        }
        assert!(numbers.len() >= 16);
        for (section, key) in numbers {
            assert!(
                RANGES.iter().any(|range| range.section == section && range.key == key),
                "{section}.{key}"
            );
        }
        check(&File::default()).unwrap();
    }
}
