//! `trials`: the trial tables of one or more sessions as one table.

use std::io::Write;
use std::path::Path;

use laion_fmri::export::{self, Table};
use laion_fmri::{Betas, Error, SessionId, SessionTrial, Subject, layout};
use laion_fmri_base::counted;
use serde_json::json;

use super::sessions;
use crate::args::{RowArgs, TableFormat, Trials};
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

pub(super) fn run(context: &Context, args: &Trials) -> anyhow::Result<()> {
    let format = format(context, args)?;
    match format {
        TableFormat::Parquet => output::check_binary_destination(&args.output)?,
        _ => output::check_destination(&args.output)?,
    }
    let subject = context.dataset()?.subject(&args.subject)?;
    let sessions = sessions::of_subject(context, &subject, &args.session, layout::trials)?;
    let rows = chosen(&subject, &sessions, &args.rows).trial_rows()?;
    if rows.iter().all(|(_, rows)| rows.is_empty()) {
        let message = format!("no trial of {} is left", subject.id());
        let chosen = args.rows.stimuli.is_some() || args.rows.trials.is_some();
        let error = CommandError::not_there(message);
        let hint = "leave out --stimuli or --trials";
        return Err(if chosen { error.hint(hint) } else { error }.into());
    }
    output::note_replaced(context, [args.output.as_path()]);
    write_rows(context, &subject, &rows, &args.output, format)
}

/// A request for the trials that the options choose.
pub(super) fn chosen<'a>(subject: &'a Subject, sessions: &[String], args: &RowArgs) -> Betas<'a> {
    let mut request = subject.betas().sessions(sessions);
    if let Some(set) = args.stimuli {
        request = request.stimuli(set);
    }
    if let Some(trials) = &args.trials {
        request = request.trials(trials.0.iter().copied());
    }
    request
}

/// Writes the trial table of these rows, and says so where it goes to a file.
pub(super) fn write_rows(
    context: &Context,
    subject: &Subject,
    rows: &[(SessionId, Vec<SessionTrial>)],
    output: &Path,
    format: TableFormat,
) -> anyhow::Result<()> {
    let trials = subject.trial_columns_of(rows)?;
    write_table(output, &trials.table, format, "trial")?;
    if !trials.derived {
        context.note(
            "note: image table not on disk, so no columns about the images (dataset, repetition, ...)\n\
             hint: laion-fmri download --prefix stimuli/task-images_metadata.csv",
        );
    }
    if output::is_stdout(output) {
        return Ok(());
    }
    let n_rows = trials.table.n_rows();
    output::wrote(context, output, &counted(n_rows, "row"), [("rows", json!(n_rows))])
}

fn format(context: &Context, args: &Trials) -> anyhow::Result<TableFormat> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let json = context.global.json;
    if output::is_stdout(&args.output) {
        return Ok(if json { TableFormat::Json } else { TableFormat::Tsv });
    }
    match format_of(&args.output) {
        Err(_) if json => Ok(TableFormat::Json),
        named => Ok(named.map_err(|error| error.hint("or choose with --format csv"))?),
    }
}

/// The format that the name of a file asks for.
pub(super) fn format_of(output: &Path) -> Result<TableFormat, CommandError> {
    match output.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(TableFormat::Csv),
        Some("json" | "jsonl") => Ok(TableFormat::Json),
        Some("tsv") => Ok(TableFormat::Tsv),
        Some("parquet") => Ok(TableFormat::Parquet),
        _ => Err(output::unsupported(output, &[".tsv", ".csv", ".json", ".parquet"])),
    }
}

/// Writes a table to a file, by rename, or to standard output.
fn write_table(
    output: &Path,
    table: &Table,
    format: TableFormat,
    schema: &str,
) -> anyhow::Result<()> {
    let schema = output::schema(schema);
    if output::is_stdout(output) {
        let mut bytes = Vec::new();
        match format {
            TableFormat::Tsv => table.write_tsv_to(&mut bytes),
            TableFormat::Csv => table.write_csv_to(&mut bytes),
            TableFormat::Json => table.write_json_lines_to(&mut bytes, &schema),
            TableFormat::Parquet => table.write_parquet_to(&mut bytes),
        }
        .map_err(Error::from)?;
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()?;
        return Ok(());
    }
    let written: Result<(), export::Error> = match format {
        TableFormat::Tsv => table.write_tsv(output),
        TableFormat::Csv => table.write_csv(output),
        TableFormat::Json => table.write_json_lines(output, &schema),
        TableFormat::Parquet => table.write_parquet(output),
    };
    Ok(written.map_err(Error::from)?)
}
