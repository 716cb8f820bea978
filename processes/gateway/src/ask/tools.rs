//! The tools that a request offers to the model.

use policy::Denial;
use serde_json::value::RawValue;

use super::fields::{Fields, wrong};

/// Tools offered to the model.
#[derive(Debug)]
pub(crate) struct Offered {
    /// The client's array, as it wrote it, for the chat template.
    pub(crate) json: String,
    /// Their names.
    pub(crate) names: Vec<String>,
}

/// Takes the tools. With `tool_choice` none, none are offered; that one must be called can't be promised.
pub(crate) fn take(fields: &mut Fields<'_>) -> Result<Option<Offered>, Denial> {
    let tools = fields.raw("tools");
    let choice: Option<&RawValue> = fields.raw("tool_choice");
    let wanted = match choice.map(RawValue::get) {
        None | Some("\"auto\"") => true,
        Some("\"none\"") => false,
        Some(_) => return Err(fields.unsupported("tool_choice")),
    };
    let Some(tools) = tools else { return Ok(None) };
    let list: Vec<&RawValue> =
        serde_json::from_str(tools.get()).map_err(|_| wrong("tools", "an array of tools"))?;
    if list.len() > TOOLS_MAX {
        return Err(wrong("tools", &format!("at most {TOOLS_MAX} tools")));
    }
    let names = list
        .iter()
        .enumerate()
        .map(|(index, tool)| name(tool, &format!("tools[{index}]")))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((wanted && !names.is_empty()).then(|| Offered { json: tools.get().to_owned(), names }))
}

fn name(tool: &RawValue, path: &str) -> Result<String, Denial> {
    let mut tool = Fields::of_object(tool, path)?;
    if tool.need::<String>("type", "a text")? != "function" {
        return Err(tool.unsupported("type"));
    }
    let mut function = Fields::of_object(tool.need("function", "an object")?, &format!("{path}.function"))?;
    tool.finish(&[], &[])?;
    let name: String = function.need("name", "a text")?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !plain || !(1..=NAME_BYTES_MAX).contains(&name.len()) {
        return Err(function.wrong("name", "1 to 64 of the characters A-Z a-z 0-9 _ - ."));
    }
    // Arguments that must fit a schema can't be promised.
    function.finish(&["description", "parameters"], &[("strict", "false")])?;
    Ok(name)
}

const TOOLS_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 64;
