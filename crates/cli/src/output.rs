//! Where data go: standard output or a file that appears only when complete.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value};

use crate::exit::CommandError;

/// Whether an output names standard output.
pub(crate) fn is_stdout(output: &Path) -> bool {
    output.as_os_str() == "-"
}

/// Writes text to standard output or, by rename, to a file.
pub(crate) fn write_text(output: &Path, text: &str) -> anyhow::Result<()> {
    if is_stdout(output) {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        return Ok(());
    }
    laion_fmri::export::write_text(output, text.as_bytes()).map_err(laion_fmri::Error::from)?;
    Ok(())
}

/// Prints lines to standard output.
pub(crate) fn print_lines(lines: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    for line in lines {
        writeln!(stdout, "{line}")?;
    }
    stdout.flush()?;
    Ok(())
}

/// The value of the `schema` field: what an object is, and the version of its form.
pub(crate) fn schema(name: &str) -> String {
    format!("laion-fmri.{name}/1")
}

/// One JSON object with its schema first.
pub(crate) fn json_line(schema: &str, fields: impl IntoIterator<Item = (String, Value)>) -> String {
    let mut object = Map::new();
    object.insert("schema".to_owned(), Value::String(self::schema(schema)));
    object.extend(fields);
    Value::Object(object).to_string()
}

/// Prints names, one per line, or as JSON objects with the name under `field`.
pub(crate) fn print_names(
    json: bool,
    schema: &str,
    field: &str,
    names: impl IntoIterator<Item = String>,
) -> anyhow::Result<()> {
    print_lines(names.into_iter().map(|name| {
        if json { json_line(schema, [(field.to_owned(), Value::String(name))]) } else { name }
    }))
}

/// Says early that an output cannot appear, before time is spent on its content.
pub(crate) fn check_destination(output: &Path) -> anyhow::Result<()> {
    if is_stdout(output) {
        return Ok(());
    }
    let parent = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        let message = format!("the directory of the output {} does not exist", output.display());
        let hint = format!("mkdir -p {}", parent.display());
        return Err(CommandError::usage(message).hint(hint).into());
    }
    if output.is_dir() {
        let message = format!("the output {} is a directory", output.display());
        return Err(CommandError::usage(message).into());
    }
    Ok(())
}

/// Refuses an output whose name does not end in one of the supported ways.
pub(crate) fn unsupported(output: &Path, supported: &[&str]) -> CommandError {
    let endings = match supported {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => supported.concat(),
    };
    CommandError::usage(format!("unsupported output {}: use {endings}", output.display()))
}
