//! `trials`: the trial tables of one or more sessions as one table.

use std::io::Write;
use std::path::Path;

use laion_fmri::Error;
use laion_fmri::export::{self, Table};

use super::sessions;
use crate::args::{TableFormat, Trials};
use crate::context::Context;
use crate::output;

pub(super) fn run(context: &Context, args: &Trials) -> anyhow::Result<()> {
    let format = format(context, args)?;
    output::check_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let sessions = sessions::of_subject(context, &subject, &args.session)?;
    let trials = subject.trial_columns(&sessions)?;
    write_table(&args.output, &trials.table, format, "trial")?;
    if !trials.derived {
        context.note(
            "note: image table not on disk, so no columns about the images (dataset, repetition, ...)\n\
             hint: laion-fmri download --prefix stimuli/task-images_metadata.csv",
        );
    }
    Ok(())
}

fn format(context: &Context, args: &Trials) -> anyhow::Result<TableFormat> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    if context.global.json {
        return Ok(TableFormat::Json);
    }
    match args.output.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(TableFormat::Csv),
        Some("json" | "jsonl") => Ok(TableFormat::Json),
        Some("tsv") => Ok(TableFormat::Tsv),
        Some("parquet") => Ok(TableFormat::Parquet),
        None if output::is_stdout(&args.output) => Ok(TableFormat::Tsv),
        _ => {
            let error = output::unsupported(&args.output, &[".tsv", ".csv", ".json", ".parquet"]);
            Err(error.hint("--format sets the format for any other name").into())
        }
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
