//! `info` and `inspect`: the documented overviews of the bucket.

use laion_fmri::SubjectId;
use serde_json::{Value, json};

use crate::args::Info;
use crate::context::Context;
use crate::output;

pub(super) fn info(context: &Context, args: &Info) -> anyhow::Result<()> {
    let subject: Option<SubjectId> = match &args.subject {
        Some(id) => Some(id.parse().map_err(laion_fmri::Error::from)?),
        None => None,
    };
    let Some(subject) = subject else {
        let found = context.asking(|| context.discovery()?.describe())?;
        return print(context, "info", found.to_string(), || {
            vec![
                ("bucket", json!(found.bucket)),
                ("subjects", json!(names(&found.subjects))),
                ("rois", json!(found.rois)),
            ]
        });
    };
    let found = context.asking(|| context.discovery()?.describe_subject(&subject))?;
    print(context, "info", found.to_string(), || {
        vec![
            ("bucket", json!(found.bucket)),
            ("subject", json!(found.subject.as_str())),
            ("trees", json!(found.trees)),
            ("sessions", json!(names(&found.sessions))),
            ("rois", json!(found.rois)),
        ]
    })
}

pub(super) fn inspect(context: &Context) -> anyhow::Result<()> {
    let found = context.asking(|| context.discovery()?.inspect())?;
    print(context, "inspect", found.to_string(), || {
        let trees: Vec<Value> = found
            .trees
            .iter()
            .map(|tree| json!({ "prefix": tree.prefix, "entries": tree.entries, "subjects": tree.subjects }))
            .collect();
        vec![
            ("bucket", json!(found.bucket)),
            ("top_level", json!(found.top_level)),
            ("trees", json!(trees)),
        ]
    })
}

fn print(
    context: &Context,
    schema: &str,
    text: String,
    fields: impl FnOnce() -> Vec<(&'static str, Value)>,
) -> anyhow::Result<()> {
    if !context.global.json {
        return output::print_lines([text]);
    }
    let fields = fields().into_iter().map(|(name, value)| (name.to_owned(), value));
    output::print_lines([output::json_line(schema, fields)])
}

fn names(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
