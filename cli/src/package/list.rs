//! What the store holds.

use proto::code::Failure;
use proto::link::inspector::ListedFile;
use serde_json::json;
use store::{Catalogue, StoreError};

use crate::arguments::Common;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::{Result, with_causes};
use crate::output::{Output, Paint};
use crate::state;
use crate::text::bytes;

/// Lists the stored packages. Nothing of theirs is parsed: digests, counts and sizes are the store's own.
pub(super) fn list(common: &Common, output: Output) -> Result<Exit> {
    let config = Config::load(common.config.as_deref())?;
    let folder = state::directory(common.state.as_deref(), &config)?;
    let Some(store) = Catalogue::open(&folder.join("store")).map_err(|error| failure(&error))? else {
        if !output.json() {
            output.note("the store is empty");
        }
        return Ok(Exit::Done);
    };
    for package in store.list().map_err(|error| failure(&error))? {
        let files: Vec<ListedFile> =
            store.find(package).map_err(|error| failure(&error))?.unwrap_or_default();
        let size = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
        let quarantined = store.quarantined(package).map(proto::Code::as_str);
        if output.json() {
            output.value(&json!({
                "digest": package.to_string(), "files": files.len(), "bytes": size, "quarantined": quarantined,
            }));
        } else {
            let mark = quarantined
                .map_or_else(String::new, |code| output.paint(&format!("  quarantined: {code}"), Paint::Bad));
            output.line(&format!("{package}  {:>10} in {} files{mark}", bytes(size), files.len()));
        }
    }
    Ok(Exit::Done)
}

fn failure(error: &StoreError) -> Failure {
    Failure::new(error.code(), with_causes(error))
}
