//! Where data go: standard output or a file that appears only when complete.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use laion_fmri::{Event, Observer};
use serde_json::{Map, Value};

use crate::context::Context;
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

/// As [`check_destination`], for an output that is no text: it is not written to a terminal.
pub(crate) fn check_binary_destination(output: &Path) -> anyhow::Result<()> {
    if is_stdout(output) && io::stdout().is_terminal() {
        let message = "the output is binary, and standard output is a terminal";
        let hint = "-o FILE writes a file; a pipe or > FILE takes it as well";
        return Err(CommandError::usage(message).hint(hint).into());
    }
    check_destination(output)
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

/// Says which of the outputs are there already, and will be replaced.
///
/// It is called when the request has been checked, so that an error is not preceded by the note.
pub(crate) fn note_replaced<'o>(context: &Context, outputs: impl IntoIterator<Item = &'o Path>) {
    // Pipes and devices are written to.
    let is_there = |output: &&Path| {
        let found = std::fs::metadata(output);
        !is_stdout(output) && found.is_ok_and(|found| found.is_file() || found.is_dir())
    };
    let there: Vec<&Path> = outputs.into_iter().filter(is_there).collect();
    match there.as_slice() {
        [] => {}
        [one] => context.note(&format!("note: {} exists and will be replaced", one.display())),
        [one, more @ ..] => context.note(&format!(
            "note: {} and {} more exist and will be replaced",
            one.display(),
            more.len()
        )),
    }
}

/// Calls [`note_replaced`] when the first session is read or the first row is written, and passes
/// all events on. It serves calls that check the request themselves.
pub(crate) struct NotingReplaced<'a> {
    context: &'a Context,
    outputs: Vec<PathBuf>,
    said: Once,
    observer: &'a dyn Observer,
}

impl<'a> NotingReplaced<'a> {
    pub(crate) fn new(
        context: &'a Context,
        outputs: Vec<PathBuf>,
        observer: &'a dyn Observer,
    ) -> Self {
        Self { context, outputs, said: Once::new(), observer }
    }
}

impl Observer for NotingReplaced<'_> {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Reading { .. } | Event::Row { .. }) {
            let outputs = self.outputs.iter().map(PathBuf::as_path);
            self.said.call_once(|| note_replaced(self.context, outputs));
        }
        self.observer.event(event);
    }
}

/// Refuses an output whose name does not end in one of the supported ways.
pub(crate) fn unsupported(output: &Path, supported: &[&str]) -> CommandError {
    let endings = match supported {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => supported.concat(),
    };
    CommandError::usage(format!("unsupported output {}: use {endings}", output.display()))
}

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// The rows of a table as lines, with columns as wide as their widest text.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]], aligned: [Align; N]) -> Vec<String> {
    let width = |text: &String| text.chars().count();
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0));
    let cell = |((text, width), side): ((&String, usize), Align)| match side {
        Align::Left => format!("{text:<width$}"),
        Align::Right => format!("{text:>width$}"),
    };
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(widths).zip(aligned).map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// What follows a report about an output: where it went, unless that is standard output.
pub(crate) fn arrow(output: &Path) -> String {
    if is_stdout(output) { String::new() } else { format!(" -> {}", output.display()) }
}

/// Fields of an object, by their names.
pub(crate) fn named<const N: usize>(fields: [(&str, Value); N]) -> [(String, Value); N] {
    fields.map(|(name, value)| (name.to_owned(), value))
}

/// Reports a file that was written: a note for people and, with `--json`, an object on standard
/// output unless the data went there.
pub(crate) fn wrote<const N: usize>(
    context: &Context,
    output: &Path,
    text: &str,
    fields: [(&str, Value); N],
) -> anyhow::Result<()> {
    if context.global.json && !is_stdout(output) {
        let path = Value::String(output.to_string_lossy().into_owned());
        let fields = std::iter::once(("path".to_owned(), path)).chain(named(fields));
        print_lines([json_line("written", fields)])?;
    }
    context.note(&format!("{text}{}", arrow(output)));
    Ok(())
}
