//! Setting up, downloads and listings.

use super::{Examples, example};

/// Sorted as the commands are.
pub(super) const EXAMPLES: &[Examples] = &[
    (
        "",
        &[
            example("choose where the data go", "laion-fmri config --data-dir ~/laion-fmri"),
            example("download a session", "laion-fmri download --subject sub-01 --ses ses-01"),
            example(
                "save the responses of a region to every trial",
                "laion-fmri betas --subject sub-01 --session ses-01 --roi FFA1 -o ffa1_betas.npy",
            ),
        ],
    ),
    (
        "config",
        &[
            example("show all settings and where they come from", "laion-fmri config"),
            example("set the data directory", "laion-fmri config --data-dir ~/laion-fmri"),
            example("always use four threads and transfers", "laion-fmri config --jobs 4"),
        ],
    ),
    (
        "license",
        &[
            example("read the licence", "laion-fmri license"),
            example("accept it without a question", "laion-fmri license --accept"),
        ],
    ),
    (
        "download",
        &[
            example(
                "betas, ROIs and brain masks of one session",
                "laion-fmri download --subject sub-01 --ses ses-01",
            ),
            example(
                "the size of all sessions of two subjects",
                "laion-fmri download --subject sub-01 sub-03 --dry-run",
            ),
            example(
                "all sessions of a subject, and the CLIP embeddings",
                "laion-fmri download --subject sub-01 --include-embeddings CLIP",
            ),
        ],
    ),
    (
        "download-raw",
        &[
            example(
                "the event tables of one session",
                "laion-fmri download-raw --subject sub-01 --ses ses-01 --suffix events",
            ),
            example(
                "the size of all BOLD series",
                "laion-fmri download-raw --subject sub-01 --suffix bold --dry-run",
            ),
        ],
    ),
    (
        "download-stimuli",
        &[
            example("how much is missing", "laion-fmri download-stimuli --dry-run"),
            example("download the images", "laion-fmri download-stimuli"),
        ],
    ),
    (
        "download-embeddings",
        &[
            example("one model", "laion-fmri download-embeddings --model CLIP"),
            example("the size of all models", "laion-fmri download-embeddings --dry-run"),
        ],
    ),
    (
        "download-segmentations",
        &[
            example("how large they are", "laion-fmri download-segmentations --dry-run"),
            example("download them", "laion-fmri download-segmentations"),
        ],
    ),
    (
        "download-captions",
        &[
            example("how large they are", "laion-fmri download-captions --dry-run"),
            example("download them", "laion-fmri download-captions"),
        ],
    ),
    (
        "request-access",
        &[
            example(
                "all answers as options; on a terminal, what is left out is asked for",
                "laion-fmri request-access --name 'Ada Lovelace' --email ada@university.edu \\\n    \
             --institution 'A University' --purpose 'Encoding models of natural images' \\\n    \
             --accept-terms 2026-09 --acknowledge-privacy",
            ),
            example(
                "with a supervisor, and without questions",
                "laion-fmri request-access --no-input --name 'Ada Lovelace' --supervisor 'Mary Somerville' \\\n    \
             --email ada@university.edu --institution 'A University' \\\n    \
             --purpose 'Encoding models of natural images' \\\n    \
             --accept-terms 2026-09 --acknowledge-privacy",
            ),
        ],
    ),
    (
        "login",
        &[
            example("use the id that you received", "laion-fmri login --request-id lfm_0123456789"),
            example(
                "keep the id out of the shell's history",
                "laion-fmri login --request-id - < request_id.txt",
            ),
        ],
    ),
    (
        "logout",
        &[
            example("forget the access", "laion-fmri logout"),
            example("say what was removed, for a script", "laion-fmri logout --json"),
        ],
    ),
    (
        "adopt",
        &[
            example("use what aws s3 sync downloaded", "laion-fmri adopt ~/aws-sync"),
            example(
                "copy the files instead of linking them",
                "laion-fmri adopt ~/aws-sync --how copy",
            ),
        ],
    ),
    (
        "urls",
        &[
            example(
                "a list for aria2c --input-file",
                "laion-fmri urls --subject sub-01 --ses ses-01 --format aria2 > urls.txt",
            ),
            example(
                "a table of what is still missing",
                "laion-fmri urls --subject sub-01 --missing > missing.tsv",
            ),
        ],
    ),
    (
        "verify",
        &[
            example("check all files", "laion-fmri verify"),
            example("check the sizes only", "laion-fmri verify --subject sub-01 --fast"),
            example("download damaged files again", "laion-fmri verify --repair"),
        ],
    ),
    (
        "doctor",
        &[
            example("check everything", "laion-fmri doctor"),
            example("check everything but the network", "laion-fmri --offline doctor"),
        ],
    ),
    (
        "info",
        &[
            example("describe the dataset", "laion-fmri info"),
            example("describe one subject", "laion-fmri info --subject sub-01"),
        ],
    ),
    (
        "inspect",
        &[
            example("list the top-level folders", "laion-fmri inspect"),
            example("the same for a script", "laion-fmri inspect --json"),
        ],
    ),
    (
        "status",
        &[
            example("what is on disk and in the bucket", "laion-fmri status"),
            example("sessions and ROIs of one subject", "laion-fmri status --subject sub-01"),
        ],
    ),
    (
        "subjects",
        &[
            example("subjects on disk", "laion-fmri subjects"),
            example("subjects in the bucket", "laion-fmri subjects --remote"),
        ],
    ),
    (
        "sessions",
        &[
            example("sessions on disk", "laion-fmri sessions --subject sub-01"),
            example("sessions in the bucket", "laion-fmri sessions --subject sub-01 --remote"),
        ],
    ),
    (
        "rois",
        &[
            example("all ROIs of a subject", "laion-fmri rois --subject sub-01"),
            example("face areas only", "laion-fmri rois --subject sub-01 --category face"),
            example("ROIs that every subject has", "laion-fmri rois --common --remote"),
        ],
    ),
];
