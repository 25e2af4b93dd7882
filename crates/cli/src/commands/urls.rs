//! `urls`: the addresses of what a download would fetch, for other tools.

use laion_fmri::s3_mirror::{Action, PlanItem};
use laion_fmri_base::{counted, readable_bytes};
use serde_json::json;

use super::download;
use crate::args::mirror::{UrlFormat, Urls};
use crate::context::Context;
use crate::exit::Status;
use crate::output;

pub(super) fn run(context: &Context, args: &Urls) -> anyhow::Result<Status> {
    let request = download::request(context, &args.selection)?;
    let dataset = context.dataset()?;
    let download = download::plan(context, &dataset, &request)?;
    let wanted = |item: &&PlanItem| match &item.action {
        Action::Fetch(_) => true,
        Action::Keep => !args.missing,
        _ => false,
    };
    let items: Vec<&PlanItem> = download.plan().items.iter().filter(wanted).collect();
    let header = !context.global.json && args.format == UrlFormat::Tsv;
    let header = header.then(|| "url\tsize\tlocal".to_owned());
    output::print_lines(header.into_iter().chain(items.iter().map(|item| {
        let (url, local) = (download.url_of(item), item.local.as_str());
        let path = download.root().join(local);
        let path = path.to_string_lossy();
        if context.global.json {
            let fields = [
                ("url", json!(url)),
                ("size", json!(item.size)),
                ("local", json!(local)),
                ("path", json!(path)),
                ("etag", json!(item.etag)),
            ];
            let fields = fields.map(|(name, value)| (name.to_owned(), value));
            return output::json_line("url", fields);
        }
        match args.format {
            UrlFormat::Tsv => format!("{url}\t{}\t{path}", item.size),
            UrlFormat::Curl => {
                let quoted = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
                format!(
                    "create-dirs\nfail\nurl = \"{}\"\noutput = \"{}\"",
                    quoted(&url),
                    quoted(&path)
                )
            }
            UrlFormat::Aria2 => {
                format!("{url}\n  dir={}\n  out={local}", download.root().display())
            }
        }
    })))?;
    let size = items.iter().map(|item| item.size).sum();
    context.note(&format!("{}, {}", counted(items.len(), "file"), readable_bytes(size)));
    Ok(Status::Done)
}
