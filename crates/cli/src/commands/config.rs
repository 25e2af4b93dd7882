//! `config`: the effective settings, and storing the data directory.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use laion_fmri::config::{self, Origin, Settings};
use laion_fmri::{Dataset, Error, Roots};
use serde_json::Value;

use crate::context::Context;
use crate::exit::CommandError;
use crate::hint;
use crate::output;

pub(super) fn run(context: &Context) -> anyhow::Result<()> {
    let given = &context.given;
    for (option, is_given, instead) in [
        ("--offline", given.offline, "LAION_FMRI_OFFLINE=1 keeps it for a shell"),
        ("--strict", given.strict, "it is given with each command"),
    ] {
        if is_given {
            let message = format!("{option} cannot be stored");
            return Err(CommandError::usage(message).hint(instead).into());
        }
    }
    let stores = given.data_dir.is_some()
        || given.bucket.is_some()
        || given.jobs.is_some()
        || given.follow_links
        || given.cache_dir.is_some();
    if stores { store(context) } else { show(context) }
}

/// Stores what the command line gives, and says what that is.
fn store(context: &Context) -> anyhow::Result<()> {
    if context.environment.config_file().is_none() {
        let message = "cannot store the settings: neither HOME nor XDG_CONFIG_HOME is set";
        let hint =
            "the variables LAION_FMRI_DATA, LAION_FMRI_BUCKET and LAION_FMRI_JOBS need no file";
        return Err(CommandError::usage(message).hint(hint).into());
    }
    let given = &context.given;
    let mut settings = Settings::default();
    settings.bucket.clone_from(&given.bucket);
    settings.jobs = given.jobs.and_then(NonZeroUsize::new);
    settings.follow_links = given.follow_links.then_some(true);
    let cache_dir = given.cache_dir.as_ref().and_then(|_| context.cache_dir());
    settings.cache_dir = cache_dir.map(std::path::absolute).transpose()?;
    if let Some(given) = &given.data_dir {
        let directories = config::data_dirs(Some(given), &context.environment)?.directories;
        let stored = config::initialize_all(&directories, &context.environment);
        let stored = stored.map_err(|error| match &error {
            Error::DataDirUnusable { path, .. } if !path.exists() => {
                let given = hint::word(&given.to_string_lossy());
                let hint = format!(
                    "mkdir -p {} && laion-fmri config --data-dir {given}",
                    hint::word(&path.to_string_lossy())
                );
                anyhow::Error::new(CommandError::from(error).hint(hint))
            }
            _ => error.into(),
        })?;
        (settings.data_dir, settings.shared_dirs) = (stored.data_dir, stored.shared_dirs);
    }
    settings.store(&context.environment)?;
    after_data_dir(context, &settings)?;
    for (name, is_stored, is_set) in [
        (
            "LAION_FMRI_DATA or LAION_FMRI_ROOT",
            given.data_dir.is_some(),
            context.environment.data.is_some(),
        ),
        ("LAION_FMRI_BUCKET", given.bucket.is_some(), is_set("LAION_FMRI_BUCKET")),
        ("LAION_FMRI_JOBS", given.jobs.is_some(), is_set("LAION_FMRI_JOBS")),
        ("LAION_FMRI_FOLLOW_LINKS", given.follow_links, is_set("LAION_FMRI_FOLLOW_LINKS")),
        ("LAION_FMRI_CACHE", given.cache_dir.is_some(), is_set("LAION_FMRI_CACHE")),
    ] {
        if is_stored && is_set {
            context.note(&format!("note: {name} is set and comes before what is stored"));
        }
    }
    let stored = values(&settings).into_iter().zip(values(&context.settings));
    let stored =
        stored.filter_map(|((name, title, value), (_, _, old))| Some((name, title, value?, old)));
    if context.global.json {
        let fields = stored.map(|(name, _, value, _)| setting(name, value));
        return output::print_lines([output::json_line("config", fields)]);
    }
    output::print_lines(stored.map(
        |(_, title, value, old)| match old.filter(|old| *old != value) {
            Some(old) => format!("{title} set to: {value} (was {old})"),
            None => format!("{title} set to: {value}"),
        },
    ))
}

/// The settings that can be stored, by name and title.
fn values(settings: &Settings) -> [(&'static str, &'static str, Option<String>); 6] {
    let path = |path: &PathBuf| path.display().to_string();
    let shared: Vec<String> = settings.shared_dirs.iter().map(path).collect();
    let shared = (!shared.is_empty()).then(|| shared.join(":"));
    [
        ("data_dir", "Data directory", settings.data_dir.as_ref().map(path)),
        ("shared_dirs", "Shared data directories", shared),
        ("bucket", "Bucket", settings.bucket.as_ref().map(ToString::to_string)),
        ("jobs", "Jobs", settings.jobs.map(|jobs| jobs.to_string())),
        ("follow_links", "Follow links", settings.follow_links.map(|follow| follow.to_string())),
        ("cache_dir", "Cache directory", settings.cache_dir.as_ref().map(path)),
    ]
}

/// What follows from a data directory that was just stored.
fn after_data_dir(context: &Context, settings: &Settings) -> anyhow::Result<()> {
    match (&settings.data_dir, settings.shared_dirs.last()) {
        // A licence that the user accepted without a data directory.
        (Some(own), _) if context.environment.license().is_ok() => {
            let dataset = Dataset::new(Roots::new([own.clone()])?);
            if dataset.license().is_err() {
                let accepted = dataset.accept_license()?;
                let marker = accepted.marker().display();
                context.note(&format!("the licence, accepted before, holds here too: {marker}"));
            }
        }
        (None, Some(shared)) => {
            let shared = hint::word(&shared.to_string_lossy());
            context.note(&format!(
                "note: nothing can be written into {shared}: it is read only, and downloads need a directory of your own\n\
                 hint: laion-fmri config --data-dir {shared}:OWN"
            ));
        }
        _ => {}
    }
    Ok(())
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
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
    let file = context.environment.config_file();
    let file = file.as_ref().map_or_else(String::new, |file| file.display().to_string());
    let origin = |given: bool, in_force: bool, stored: bool| match (given, in_force, stored) {
        (true, ..) => "the command line".to_owned(),
        (_, true, _) => "the environment".to_owned(),
        (.., true) => file.clone(),
        _ => "default".to_owned(),
    };
    let (given, global, stored) = (&context.given, &context.global, &context.settings);
    let bucket = origin(given.bucket.is_some(), global.bucket.is_some(), stored.bucket.is_some());
    rows.push(("bucket", context.location().to_string(), bucket));
    let offline = origin(given.offline, global.offline, false);
    rows.push(("offline", global.offline.to_string(), offline));
    let jobs = origin(given.jobs.is_some(), global.jobs.is_some(), stored.jobs.is_some());
    rows.push(("jobs", context.jobs().to_string(), jobs.clone()));
    rows.push(("threads", context.decoders().to_string(), jobs));
    let links = origin(given.follow_links, global.follow_links, stored.follow_links.is_some());
    rows.push(("follow_links", context.follow_links().to_string(), links));
    let cache =
        context.cache_dir().map_or_else(|| "not set".to_owned(), |path| path.display().to_string());
    let (by_option, by_any) = (given.cache_dir.is_some(), global.cache_dir.is_some());
    rows.push(("cache_dir", cache, origin(by_option, by_any, stored.cache_dir.is_some())));
    let access = context.environment.access_service()?;
    rows.push((
        "access_url",
        access.url().to_owned(),
        origin(false, context.environment.access_url.is_some(), false),
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
            // One setting, with two numbers where it is not set.
            let value = match name {
                "jobs" => format!("{value} parallel transfers"),
                "threads" => format!("{value} for reading betas"),
                _ => value,
            };
            format!("{name:<12} {value}  ({origin})")
        }
    }))
}

fn setting(name: &str, value: impl Into<String>) -> (String, Value) {
    (name.to_owned(), Value::String(value.into()))
}
