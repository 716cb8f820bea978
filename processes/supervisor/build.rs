//! Compiles `topology.toml` into a typed table.
//!
//! # Role
//! Turns each jailed process of the table into a constant, and refuses a table with a key that it does
//! not know or a row that no jail could be built from.
//!
//! # Security
//! Reads: our own table, at build time. If taken over: the build is.
//!
//! # Non-goals
//! Checks nothing of the tree: the house rules do, as tests.

use std::{collections::BTreeMap, error::Error, fmt::Write, fs, io::Write as _, path::Path};

use serde::Deserialize;

/// One row. The supervisor's own has no columns about a jail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "some columns are for documents and tests, and no other is accepted")]
struct Row {
    summary: String,
    reads: Vec<String>,
    calls: Vec<String>,
    crates: Vec<String>,
    deps_max: u32,
    taken_over: String,
    identity: Option<u16>,
    network: Option<String>,
    profile: Option<String>,
    descriptors: Option<Vec<String>>,
    memory_mib: Option<u64>,
    pids: Option<u32>,
    cpu_millicores: Option<u32>,
    files: Option<u32>,
    file_mib: Option<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../topology.toml");
    writeln!(std::io::stdout(), "cargo:rerun-if-changed={}", path.display())?;
    let table: BTreeMap<String, Row> = toml::from_str(&fs::read_to_string(&path)?)?;
    let mut code = String::new();
    for (name, row) in table.into_iter().filter(|(name, _)| name != "supervisor") {
        let constant = constant(&name, row).map_err(|error| format!("topology.toml: [{name}]: {error}"))?;
        code.push_str(&constant);
    }
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("topology.rs"), code)?;
    Ok(())
}

fn constant(name: &str, row: Row) -> Result<String, Box<dyn Error>> {
    let missing = |column: &str| format!("`{column}` is missing");
    if row.network.as_deref() != Some("none") {
        return Err("`network` must be \"none\": no process is given another".into());
    }
    let descriptors = row.descriptors.ok_or_else(|| missing("descriptors"))?;
    if descriptors.first().map(String::as_str) != Some("control") {
        return Err("`descriptors` must begin with \"control\"".into());
    }
    let identity = row.identity.filter(|identity| *identity > 0).ok_or_else(|| missing("identity"))?;
    let mut code = String::new();
    writeln!(code, "/// {}.", row.summary)?;
    writeln!(code, "pub(crate) static {}: Process = Process {{", name.to_uppercase())?;
    writeln!(code, "    name: {name:?},")?;
    writeln!(code, "    identity: {identity},")?;
    writeln!(code, "    profile: {:?},", row.profile.ok_or_else(|| missing("profile"))?)?;
    writeln!(code, "    descriptors: {},", descriptors.len())?;
    writeln!(code, "    ceilings: Ceilings {{")?;
    writeln!(
        code,
        "        memory_bytes_max: {} << 20,",
        row.memory_mib.ok_or_else(|| missing("memory-mib"))?
    )?;
    writeln!(code, "        pids_max: {},", row.pids.ok_or_else(|| missing("pids"))?)?;
    writeln!(
        code,
        "        cpu_millicores_max: {},",
        row.cpu_millicores.ok_or_else(|| missing("cpu-millicores"))?
    )?;
    writeln!(code, "        files_max: {},", row.files.ok_or_else(|| missing("files"))?)?;
    writeln!(code, "        file_bytes_max: {} << 20,", row.file_mib.ok_or_else(|| missing("file-mib"))?)?;
    writeln!(code, "    }},\n}};")?;
    Ok(code)
}
