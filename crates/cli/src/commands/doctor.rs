//! `doctor`: checks configuration, disk, permissions, bucket and mirror.

use laion_fmri::upkeep::{Finding, Health};
use serde_json::json;

use crate::context::Context;
use crate::exit::Status;
use crate::hint;
use crate::output;
use crate::proxy;

/// One thing that was looked at, in words.
struct Row {
    subject: &'static str,
    health: Health,
    detail: String,
    hint: Option<String>,
}

impl From<Finding> for Row {
    fn from(finding: Finding) -> Self {
        let Finding { subject, health, detail, advice } = finding;
        Self {
            subject,
            health,
            detail,
            hint: advice.map(|advice| hint::of_advice(advice).to_owned()),
        }
    }
}

pub(super) fn run(context: &Context) -> anyhow::Result<Status> {
    let mut findings = vec![Row {
        subject: "version",
        health: Health::Good,
        detail: format!("laion-fmri {}", env!("CARGO_PKG_VERSION")),
        hint: None,
    }];
    match context.dataset() {
        Ok(dataset) => {
            findings.extend(context.asking(|| dataset.examine()).into_iter().map(Row::from));
        }
        Err(error) => findings.push(Row {
            subject: "data directory",
            health: Health::Bad,
            detail: error.to_string(),
            hint: hint::of(&error),
        }),
    }
    for name in proxy::VARIABLES {
        if let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) {
            let value = value.to_string_lossy();
            let is_address = !name.eq_ignore_ascii_case("NO_PROXY");
            let value = if is_address { proxy::without_secret(&value) } else { value.into_owned() };
            findings.push(Row {
                subject: "proxy",
                health: Health::Note,
                detail: format!("{name}={value}"),
                hint: None,
            });
        }
    }
    for finding in &mut findings {
        finding.hint = finding.hint.take().map(|text| hint::with_typed(&text, &context.given));
    }
    let bad = findings.iter().filter(|finding| finding.health == Health::Bad).count();
    output::print_lines(findings.into_iter().map(|finding| {
        let health = match finding.health {
            Health::Good => "ok",
            Health::Note => "note",
            Health::Bad => "bad",
        };
        if context.global.json {
            let fields = [
                ("check", json!(finding.subject)),
                ("health", json!(health)),
                ("detail", json!(finding.detail)),
                ("hint", json!(finding.hint)),
            ];
            return output::json_line("doctor", fields.map(|(name, it)| (name.to_owned(), it)));
        }
        let hint = finding.hint.map(|hint| format!("\n{:23}hint: {hint}", "")).unwrap_or_default();
        format!("{health:<5} {:<16} {}{hint}", finding.subject, finding.detail)
    }))?;
    Ok(if bad > 0 { Status::Failed } else { Status::Done })
}
