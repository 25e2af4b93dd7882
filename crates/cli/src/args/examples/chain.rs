//! Extractions, recipes, completions and pages.

use super::{Examples, example};

/// Sorted as the commands are.
pub(super) const EXAMPLES: &[Examples] = &[
    #[cfg(feature = "browse")]
    (
        "browse",
        &[
            example(
                "the page with one subject, in the browser of this machine",
                "laion-fmri browse --subject sub-01",
            ),
            example(
                "on a server: only print the address, with a port for ssh -L",
                "laion-fmri browse --no-open --port 8890",
            ),
        ],
    ),
    (
        "extract",
        &[
            example(
                "one row per image: z-scored, averaged",
                "laion-fmri extract --subject sub-01 --roi FFA1 --zscore session --average image \\\n    \
             -o ffa1_images.npz",
            ),
            example(
                "trials with a split and CLIP embeddings, for an encoding model",
                "laion-fmri extract --subject sub-01 --roi face --zscore session --split tau \\\n    \
             --pool shared --features CLIP -o face.zarr",
            ),
            example(
                "how much memory the whole brain takes",
                "laion-fmri extract --subject sub-01 --dry-run -o brain.npz",
            ),
        ],
    ),
    (
        "plan",
        &[
            example(
                "one task per session",
                "laion-fmri plan --subject sub-01 --roi face --zscore session -o face.npz > plan.jsonl",
            ),
            example(
                "all subjects on disk, one output each",
                "laion-fmri plan --subject all --roi face -o 'face_{subject}.npz' > all.jsonl",
            ),
        ],
    ),
    (
        "run",
        &[
            example("all tasks that are not done", "laion-fmri run plan.jsonl"),
            example(
                "every third task, from the first",
                "laion-fmri run plan.jsonl --task 0 --of 3",
            ),
            example("one thread for each task", "laion-fmri run all.jsonl --jobs 1"),
        ],
    ),
    (
        "merge",
        &[
            example("combine the results", "laion-fmri merge plan.jsonl"),
            example("a plan from standard input", "laion-fmri merge - < all.jsonl"),
        ],
    ),
    (
        "slurm",
        &[
            example(
                "all scripts; jobs/submit.sh submits them",
                "laion-fmri slurm plan.jsonl -o jobs/",
            ),
            example(
                "with a partition and a time limit",
                "laion-fmri slurm plan.jsonl --partition cpu --time 04:00:00 -o jobs/",
            ),
            example(
                "one script, with an account",
                "laion-fmri slurm plan.jsonl --script merge --account lab",
            ),
        ],
    ),
    (
        "reproduce",
        &[
            example(
                "make the same array again, under another name",
                "laion-fmri reproduce face.npz.recipe.toml -o again.npz",
            ),
            example(
                "without downloading, from the recipe inside an output",
                "laion-fmri reproduce ffa1_images.npz --from bucket -o from_bucket.npz",
            ),
        ],
    ),
    (
        "recipe",
        &[
            example("all settings of an output", "laion-fmri recipe show face.npz"),
            example("a paragraph for the methods section", "laion-fmri recipe methods face.npz"),
        ],
    ),
    (
        "recipe show",
        &[
            example("from an output", "laion-fmri recipe show face.npz"),
            example("save it under another name", "laion-fmri recipe show face.zarr > recipe.toml"),
        ],
    ),
    (
        "recipe diff",
        &[
            example("two outputs", "laion-fmri recipe diff face.npz again.npz"),
            example("for a script", "laion-fmri recipe diff face.npz again.npz --json"),
        ],
    ),
    (
        "recipe methods",
        &[
            example("print the paragraph", "laion-fmri recipe methods ffa1_images.npz"),
            example("save it", "laion-fmri recipe methods face.zarr > methods.txt"),
        ],
    ),
    (
        "recipe cite",
        &[
            example("print the entries", "laion-fmri recipe cite face.npz"),
            example(
                "add them to a bibliography",
                "laion-fmri recipe cite face.npz >> references.bib",
            ),
        ],
    ),
    (
        "completions",
        &[
            example(
                "bash",
                "laion-fmri completions bash > ~/.local/share/bash-completion/completions/laion-fmri",
            ),
            example(
                "zsh, with ~/.zfunc in fpath",
                "laion-fmri completions zsh > ~/.zfunc/_laion-fmri",
            ),
            example(
                "fish",
                "laion-fmri completions fish > ~/.config/fish/completions/laion-fmri.fish",
            ),
        ],
    ),
    (
        "man",
        &[
            example("the page of laion-fmri itself", "laion-fmri man > laion-fmri.1"),
            example(
                "all pages, for man laion-fmri-betas",
                "laion-fmri man ~/.local/share/man/man1",
            ),
        ],
    ),
    (
        "global",
        &[
            example("before the command", "laion-fmri --offline subjects"),
            example("or after it", "laion-fmri sessions --subject sub-01 --json"),
        ],
    ),
];
