//! `trials`: the trial tables of one or more sessions as one table.

use std::path::Path;

use laion_fmri::{Error, Subject, TrialTable};
use serde_json::Value;

use crate::args::{TableFormat, Trials};
use crate::context::Context;
use crate::exit::UsageError;
use crate::output;

pub(super) fn run(context: &Context, args: &Trials) -> anyhow::Result<()> {
    let format = format(context, args)?;
    output::check_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let tables = tables(&subject, &args.session)?;
    let text = match format {
        // The tables of the dataset are not quoted, so that a quote is part of a name.
        TableFormat::Tsv => separated(&tables, b'\t', csv::QuoteStyle::Never)?,
        TableFormat::Csv => separated(&tables, b',', csv::QuoteStyle::Necessary)?,
        TableFormat::Json => json(&tables),
    };
    output::write_text(&args.output, &text)
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
        None if output::is_stdout(&args.output) => Ok(TableFormat::Tsv),
        _ => Err(UsageError {
            message: format!("the output {} is none of .tsv, .csv, .json", args.output.display()),
            hint: Some("--format says it for other names".to_owned()),
        }
        .into()),
    }
}

fn tables(subject: &Subject, sessions: &[String]) -> anyhow::Result<Vec<TrialTable>> {
    let all;
    let sessions = if sessions.is_empty() {
        all = subject.sessions()?.iter().map(ToString::to_string).collect::<Vec<_>>();
        &all
    } else {
        sessions
    };
    let tables: Vec<TrialTable> =
        sessions.iter().map(|session| subject.trials(session)).collect::<Result<_, Error>>()?;
    let Some(first) = tables.first() else {
        return Err(Error::DataNotDownloaded {
            what: format!("any trial table of {}", subject.id()),
            path: Path::new(&laion_fmri::layout::glmsingle(subject.id())).to_owned(),
            fetch: format!("--subject {} --suffix trials --extension tsv", subject.id()),
        }
        .into());
    };
    for table in &tables {
        anyhow::ensure!(
            table.columns() == first.columns(),
            "{} has columns {:?}, but {} has {:?}: write them one session at a time",
            table.path().display(),
            table.columns(),
            first.path().display(),
            first.columns()
        );
    }
    Ok(tables)
}

fn separated(
    tables: &[TrialTable],
    separator: u8,
    quotes: csv::QuoteStyle,
) -> anyhow::Result<String> {
    let mut writer =
        csv::WriterBuilder::new().delimiter(separator).quote_style(quotes).from_writer(Vec::new());
    for (position, table) in tables.iter().enumerate() {
        if position == 0 {
            writer.write_record(table.columns())?;
        }
        for row in table.rows() {
            writer.write_record(row)?;
        }
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8(bytes)?)
}

fn json(tables: &[TrialTable]) -> String {
    let mut text = String::new();
    for table in tables {
        for row in table.rows() {
            let fields = table.columns().iter().cloned().zip(row.iter().map(|field| typed(field)));
            text.push_str(&output::json_line("trial", fields));
            text.push('\n');
        }
    }
    text
}

/// Whole numbers as numbers, everything else as the text it is.
fn typed(field: &str) -> Value {
    match field.parse::<u64>() {
        Ok(number) if number.to_string() == field => Value::from(number),
        _ => Value::from(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_whole_numbers_become_numbers() {
        assert_eq!(typed("12"), Value::from(12));
        assert_eq!(typed("012"), Value::from("012"));
        assert_eq!(typed("+1"), Value::from("+1"));
        assert_eq!(typed("a b.jpg"), Value::from("a b.jpg"));
    }
}
