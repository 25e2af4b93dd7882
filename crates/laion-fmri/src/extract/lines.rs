//! Plans as JSON lines: one for each task, each of which knows its number and how many there are.

use laion_fmri_base::counted;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::recipe::TOOL;
use crate::Result;
use crate::error::ExtractError;

/// Where a task reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    Mirror,
    Bucket,
}

impl Origin {
    pub(crate) fn of(is_bucket: bool) -> Self {
        if is_bucket { Self::Bucket } else { Self::Mirror }
    }
}

/// A line of a plan, and what messages call it.
pub(crate) struct TaskLine<L> {
    pub(crate) whose: String,
    pub(crate) line: L,
}

/// Reads the lines of a plan; `name` is what messages call it. Each has to be of this schema and made by
/// this version, and its task and the number of tasks, which `count` gives, have to go on from the line
/// before.
pub(crate) fn read_lines<L: DeserializeOwned>(
    text: &str,
    name: &str,
    schema: &str,
    count: impl Fn(&L) -> (usize, usize),
) -> Result<Vec<TaskLine<L>>> {
    let mut lines: Vec<TaskLine<L>> = Vec::new();
    let mut expected = None;
    for (number, text) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let whose = format!("{name}, line {}", number + 1);
        let line: L = match parse(text, schema) {
            Ok(line) => line,
            Err(reason) => return Err(ExtractError::Plan { whose, reason }.into()),
        };
        let (task, tasks) = count(&line);
        let (next, of) = (lines.len(), *expected.get_or_insert(tasks));
        if (task, tasks) != (next, of) {
            let reason = format!("task {task} of {tasks} (expected {next} of {of})");
            return Err(ExtractError::Plan { whose, reason }.into());
        }
        lines.push(TaskLine { whose, line });
    }
    let reason = match expected {
        Some(of) if of == lines.len() => return Ok(lines),
        Some(of) => format!("{} (expected {of})", counted(lines.len(), "line")),
        None => "it is empty".to_owned(),
    };
    Err(ExtractError::Plan { whose: name.to_owned(), reason }.into())
}

fn parse<L: DeserializeOwned>(text: &str, schema: &str) -> Result<L, String> {
    #[derive(Deserialize)]
    struct Form {
        schema: String,
        tool: String,
    }
    let form: Form = serde_json::from_str(text).map_err(unusable)?;
    if form.schema != schema {
        return Err(format!("schema {:?} (expected {schema:?})", form.schema));
    }
    if form.tool != TOOL {
        return Err(format!("it was made by {:?} (expected {TOOL:?})", form.tool));
    }
    serde_json::from_str(text).map_err(unusable)
}

/// Why a line is none of a plan. The line is known, so the position inside it is all that is added.
fn unusable(error: serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            text.split(" at line ").next().unwrap_or_default().to_owned()
        }
        _ => format!("not JSON (at column {})", error.column()),
    }
}
