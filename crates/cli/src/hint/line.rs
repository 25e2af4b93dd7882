//! How a command line is spelled: the calls that carry out a download, words as a shell reads them back,
//! and the options that were typed.

use std::ffi::OsStr;

use laion_fmri::{DownloadRequest, Filter, FilterField, Subjects};

use crate::args::sessions::SessionName;
use crate::args::{Global, tree};

/// A text in which every call of the command has the options that were typed and say where data lie, so
/// that what is pasted acts on the same data.
pub(crate) fn with_typed(text: &str, given: &Global) -> String {
    const NAME: &str = "laion-fmri ";
    let options = typed(given);
    if options.is_empty() {
        return text.to_owned();
    }
    let tree = tree::command();
    // `config` would store the options.
    let is_call = |before: &str, after: &str| {
        let starts = before.is_empty() || before.ends_with([' ', '(', '\n']);
        let command = after.split([' ', ',', ';', ':', ')', '\n']).next().unwrap_or_default();
        starts && command != "config" && tree.find_subcommand(command).is_some()
    };
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (through, after) = rest.split_at(at + NAME.len());
        shown.push_str(through);
        if is_call(&rest[..at], after) {
            options.iter().for_each(|option| shown.extend([option.as_str(), " "]));
        }
        rest = after;
    }
    shown + rest
}

/// The options of a command line that say where data lie.
fn typed(given: &Global) -> Vec<String> {
    let path = |name: &str, path: &OsStr| format!("{name} {}", word(&path.to_string_lossy()));
    let Global { data_dir, bucket, cache_dir, .. } = given;
    [
        data_dir.as_ref().map(|it| path("--data-dir", it)),
        bucket.as_ref().map(|it| format!("--bucket {}", word(&it.to_string()))),
        cache_dir.as_ref().map(|it| path("--cache-dir", it.as_os_str())),
        given.follow_links.then(|| "--follow-links".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Restricts the download of a whole subject to the sessions that were named, if they were.
pub(crate) fn narrow(fetch: &mut DownloadRequest, named: &[SessionName]) {
    let Subjects::These(subjects) = &fetch.subjects else { return };
    let whole = DownloadRequest::new(Subjects::These(subjects.clone()));
    let labels: Option<Vec<String>> = named.iter().map(SessionName::label).collect();
    if let Some(labels) = labels.filter(|labels| *fetch == whole && !labels.is_empty()) {
        *fetch = whole.ses(labels);
    }
}

/// The commands that carry out a download.
pub(super) fn commands(request: &DownloadRequest) -> Vec<String> {
    let lines = arguments(request).into_iter();
    lines.map(|words| format!("laion-fmri {}", words.join(" "))).collect()
}

/// The arguments of `laion-fmri` that carry out a download, one list for each call. They are the
/// request as `download` parses it; what only other commands can say are calls of their own.
pub(crate) fn arguments(request: &DownloadRequest) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    let subjects = match &request.subjects {
        Subjects::These(ids) => ids.iter().map(ToString::to_string).collect(),
        _ => vec!["all".to_owned()],
    };
    let models: Vec<String> = request.include_embeddings.iter().map(ToString::to_string).collect();
    if subjects.is_empty() && request.prefixes.is_empty() {
        // Files below `stimuli/` alone have commands of their own.
        if request.include_stimuli {
            calls.push(vec!["download-stimuli".to_owned()]);
        }
        if !models.is_empty() {
            calls.push(Words::new("download-embeddings").values("--model", models).0);
        }
    } else {
        // Brain masks come alone or with whole trees; filters are of another call.
        let mut only_masks = request.include_brain_mask;
        if only_masks && (request.include_derivatives || !request.filter.is_unrestricted()) {
            let words = Words::new("download").values("--subject", subjects.clone());
            calls.push(words.flag("--brain-mask", true).0);
            only_masks = false;
        }
        let only_raw = request.include_raw && !request.include_derivatives && !only_masks;
        let mut words = Words::new(if only_raw { "download-raw" } else { "download" })
            .values("--subject", subjects)
            .values("--prefix", request.prefixes.clone())
            .flag("--brain-mask", only_masks);
        for field in FilterField::ALL {
            let values = request.filter.values(field).unwrap_or_default().iter();
            let shown = values.map(|value| match field {
                FilterField::Ses if value != Filter::AVERAGES => format!("ses-{value}"),
                _ => value.clone(),
            });
            words = words.values(&format!("--{field}"), shown.collect());
        }
        words = words
            .flag("--include-anatomical", request.include_anatomical)
            .flag("--include-freesurfer", request.include_freesurfer)
            .flag("--include-localizers", request.include_localizers)
            .flag("--include-raw", request.include_raw && !only_raw)
            .flag("--include-stimuli", request.include_stimuli)
            .values("--include-embeddings", models)
            .flag("--allow-missing", request.allow_missing);
        calls.push(words.0);
    }
    if request.include_segmentations {
        calls.push(vec!["download-segmentations".to_owned()]);
    }
    if request.include_captions {
        calls.push(vec!["download-captions".to_owned()]);
    }
    calls
}

/// The words of one call.
struct Words(Vec<String>);

impl Words {
    fn new(command: &str) -> Self {
        Self(vec![command.to_owned()])
    }

    /// An option with its values, when there are any.
    fn values(mut self, option: &str, values: Vec<String>) -> Self {
        if !values.is_empty() {
            self.0.push(option.to_owned());
            self.0.extend(values);
        }
        self
    }

    fn flag(mut self, option: &str, given: bool) -> Self {
        self.0.extend(given.then(|| option.to_owned()));
        self
    }
}

/// The words of an option as a shell takes them: expressions are between quotes.
pub(super) fn quoted(words: &[String]) -> Vec<String> {
    let is_plain = |word: &str| !word.contains(|c: char| c.is_whitespace() || "|&()".contains(c));
    let quote = |word: &String| if is_plain(word) { word.clone() } else { format!("\"{word}\"") };
    words.iter().map(quote).collect()
}

/// A word as a shell reads it back.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use laion_fmri::stimuli::EmbeddingModel;

    use super::*;
    use crate::args::Cli;
    use crate::commands::download::requested;

    #[test]
    fn a_rendered_download_parses_to_the_same_request() {
        let subject = || DownloadRequest::subject("sub-03").unwrap();
        let all = || DownloadRequest::new(Subjects::All);
        let every_field = FilterField::ALL.into_iter().fold(subject(), |request, field| {
            let values: &[&str] = match field {
                FilterField::Ses => &["ses-04", "averages"],
                FilterField::Run => &["01", "2"],
                _ => &["one", "two"],
            };
            request.filter(field, values.iter().copied())
        });
        for request in [
            subject(),
            all(),
            every_field.clone(),
            all().include_anatomical().include_freesurfer().include_localizers().include_raw(),
            subject().include_stimuli().include_embeddings([EmbeddingModel::Clip]),
            subject().ses(["ses-04"]).allow_missing(),
            DownloadRequest::raw(Subjects::All).allow_missing(),
            every_field.include_anatomical().include_raw().prefix("derivatives/x/"),
            DownloadRequest::raw(Subjects::All).ses(["01"]),
            DownloadRequest::brain_mask(Subjects::All),
            DownloadRequest::brain_mask(Subjects::All).include_anatomical().include_raw(),
            DownloadRequest::of_prefix("derivatives/rois/sub-01/")
                .filter(FilterField::Extension, ["nii.gz"]),
            DownloadRequest::stimuli(),
            DownloadRequest::captions(),
            DownloadRequest::segmentations(),
            DownloadRequest::embeddings(EmbeddingModel::ALL.iter().copied()),
            DownloadRequest::embeddings([EmbeddingModel::Clip]),
        ] {
            let calls = arguments(&request);
            let [words] = calls.as_slice() else { panic!("{calls:?}") };
            let words = std::iter::once("laion-fmri").chain(words.iter().map(String::as_str));
            let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
            let parsed = requested(&cli.command.unwrap()).unwrap();
            assert_eq!(parsed, Some(request), "{calls:?}");
        }
    }

    #[test]
    fn what_one_command_cannot_say_takes_several() {
        let request = DownloadRequest::subject("sub-03").unwrap().ses(["ses-01"]);
        let mut request = request.include_captions().include_segmentations();
        request.include_brain_mask = true;
        assert_eq!(
            commands(&request),
            [
                "laion-fmri download --subject sub-03 --brain-mask",
                "laion-fmri download --subject sub-03 --ses ses-01",
                "laion-fmri download-segmentations",
                "laion-fmri download-captions",
            ]
        );
    }

    #[test]
    fn words_are_quoted_when_a_shell_would_change_them() {
        assert_eq!(word("/data/sub-01.npz"), "/data/sub-01.npz");
        assert_eq!(word("my data"), "'my data'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn calls_repeat_what_was_typed() {
        let given = |words: &[&str]| {
            let words = ["laion-fmri"].iter().chain(words);
            Cli::try_parse_from(words.chain(&["doctor"])).unwrap().global
        };
        let plain = "laion-fmri verify --repair, or delete it and run laion-fmri download-stimuli";
        assert_eq!(with_typed(plain, &given(&["--offline", "-v"])), plain);
        let typed = given(&["--data-dir", "my data", "--bucket", "file:///b"]);
        for (text, expected) in [
            (
                plain,
                "laion-fmri --data-dir 'my data' --bucket file:///b verify --repair, or delete it \
                 and run laion-fmri --data-dir 'my data' --bucket file:///b download-stimuli",
            ),
            ("laion-fmri config --data-dir DIR", "laion-fmri config --data-dir DIR"),
            ("made by laion-fmri 0.2.0", "made by laion-fmri 0.2.0"),
            (
                "for s in $(laion-fmri subjects); do",
                "for s in $(laion-fmri --data-dir 'my data' --bucket file:///b subjects); do",
            ),
        ] {
            assert_eq!(with_typed(text, &typed), expected);
        }
    }
}
