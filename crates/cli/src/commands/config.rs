//! `config`: the effective settings, and storing the data directory.

use std::path::Path;

use laion_fmri::config::{self, Origin};
use serde_json::Value;

use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

pub(super) fn run(context: &Context) -> anyhow::Result<()> {
    match &context.global.data_dir {
        Some(directory) => store(context, Path::new(directory)),
        None => show(context),
    }
}

fn store(context: &Context, directory: &Path) -> anyhow::Result<()> {
    let path =
        config::initialize_in(directory, &context.environment).map_err(|error| match &error {
            laion_fmri::Error::DataDirUnusable { path, .. } if !path.exists() => {
                let hint = format!("mkdir -p {}", path.display());
                anyhow::Error::new(CommandError::from(error).hint(hint))
            }
            _ => error.into(),
        })?;
    if context.environment.data.is_some() {
        context.note(
            "note: LAION_FMRI_DATA or LAION_FMRI_ROOT is set and comes before the stored directory",
        );
    }
    output::print_lines([if context.global.json {
        output::json_line("config", [setting("data_dir", path.display().to_string())])
    } else {
        format!("Data directory set to: {}", path.display())
    }])
}

fn show(context: &Context) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    match config::data_dirs(context.global.data_dir.as_deref(), &context.environment) {
        Ok(dirs) => {
            let names: Vec<_> =
                dirs.directories.iter().map(|path| path.display().to_string()).collect();
            let origin = match dirs.origin {
                Origin::Environment => "the environment".to_owned(),
                Origin::File(path) => path.display().to_string(),
                _ => "the command line".to_owned(),
            };
            rows.push(("data_dir", names.join(":"), origin));
        }
        Err(laion_fmri::Error::DataDirNotSet) => {
            rows.push((
                "data_dir",
                "not set".to_owned(),
                "laion-fmri config --data-dir DIR".to_owned(),
            ));
        }
        Err(error) => return Err(error.into()),
    }
    let origin = |given: bool| {
        if given { "the command line or the environment" } else { "default" }.to_owned()
    };
    let global = &context.global;
    rows.push(("bucket", context.location().to_string(), origin(global.bucket.is_some())));
    rows.push(("offline", global.offline.to_string(), origin(global.offline)));
    rows.push(("jobs", context.jobs().to_string(), origin(global.jobs.is_some())));
    let cache =
        context.cache_dir().map_or_else(|| "not set".to_owned(), |path| path.display().to_string());
    rows.push(("cache_dir", cache, origin(global.cache_dir.is_some())));
    let access = context.environment.access_service()?;
    rows.push((
        "access_url",
        access.url().to_owned(),
        origin(context.environment.access_url.is_some()),
    ));
    if let Some(file) = context.environment.auth_file() {
        let saved = file.load(&access).is_some();
        let state = if saved { "access is saved" } else { "no access is saved" };
        rows.push(("auth_file", file.path().display().to_string(), state.to_owned()));
    }
    if let Some(file) = context.environment.config_file() {
        let state = if file.is_file() { "present" } else { "not written yet" };
        rows.push(("config_file", file.display().to_string(), state.to_owned()));
    }
    output::print_lines(rows.into_iter().map(|(name, value, origin)| {
        if global.json {
            output::json_line(
                "setting",
                [setting("name", name), setting("value", value), setting("origin", origin)],
            )
        } else {
            format!("{name:<12} {value}  ({origin})")
        }
    }))
}

fn setting(name: &str, value: impl Into<String>) -> (String, Value) {
    (name.to_owned(), Value::String(value.into()))
}
