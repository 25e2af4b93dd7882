//! The examples at the end of every `--help` and manual page.
//!
//! A test runs all of them, in the order of the commands, on a small bucket: each may use what those
//! above it wrote.

/// What a command line is for, and the command line.
pub(crate) struct Example {
    pub(crate) purpose: &'static str,
    pub(crate) line: &'static str,
}

const fn example(purpose: &'static str, line: &'static str) -> Example {
    Example { purpose, line }
}

/// The examples of a command, by its names: `nc compute`, and the empty text for `laion-fmri` itself.
pub(crate) fn of(path: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(known, _)| *known == path).map_or(&[], |(_, examples)| *examples)
}

/// Sorted as the commands are.
const EXAMPLES: &[(&str, &[Example])] = &[
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
                "how much all sessions of two subjects take",
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
            example("how much they take", "laion-fmri download-segmentations --dry-run"),
            example("download them", "laion-fmri download-segmentations"),
        ],
    ),
    (
        "download-captions",
        &[
            example("how much they take", "laion-fmri download-captions --dry-run"),
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
                "with a supervisor, and never a question",
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
    (
        "trials",
        &[
            example(
                "one session as CSV",
                "laion-fmri trials --subject sub-01 --session ses-01 -o trials.csv",
            ),
            example(
                "all sessions as Parquet",
                "laion-fmri trials --subject sub-01 -o trials.parquet",
            ),
        ],
    ),
    (
        "mask",
        &[
            example(
                "the brain mask as a volume",
                "laion-fmri mask --subject sub-01 -o brain.nii.gz",
            ),
            example(
                "an ROI over the voxels of the brain, for --mask",
                "laion-fmri mask --subject sub-01 --roi FFA1 -o ffa1_mask.npy",
            ),
        ],
    ),
    (
        "roi",
        &[
            example(
                "volume, surface masks and vertices of an ROI",
                "laion-fmri roi --subject sub-01 FFA1 -o ffa1.npz",
            ),
            example(
                "surface masks of all face areas, left hemisphere",
                "laion-fmri roi --subject sub-01 face --format func.gii --hemi L -o faces.npz",
            ),
        ],
    ),
    (
        "betas",
        &[
            example(
                "one ROI, one session: an array of trials x voxels",
                "laion-fmri betas --subject sub-01 --session ses-01 --roi FFA1 -o ffa1_betas.npy",
            ),
            example(
                "reliable voxels of all face areas in three sessions",
                "laion-fmri betas --subject sub-01 --session 01-03 --roi face --nc-threshold 20 \\\n    \
             --nc-desc Noiseceiling12rep -o face_betas.npz",
            ),
            example(
                "your own mask, and the trials of shared images",
                "laion-fmri betas --subject sub-01 --session 01 --mask ffa1_mask.npy --stimuli shared \\\n    \
             -o shared.npy",
            ),
        ],
    ),
    (
        "index",
        &[
            example("one session", "laion-fmri index --subject sub-01 --session ses-01"),
            example("all sessions on disk", "laion-fmri index --subject sub-01"),
        ],
    ),
    (
        "noise-ceiling",
        &[
            example(
                "an ROI within a session",
                "laion-fmri noise-ceiling --subject sub-01 --session ses-01 --roi FFA1 -o ffa1_nc.npy",
            ),
            example(
                "the whole brain over all sessions",
                "laion-fmri noise-ceiling --subject sub-01 --desc Noiseceiling12rep -o nc12.npy",
            ),
        ],
    ),
    (
        "nc",
        &[
            example(
                "compute a map",
                "laion-fmri nc compute --subject sub-01 --session ses-01 -o my_nc.nii.gz",
            ),
            example(
                "compare it with the map of the dataset",
                "laion-fmri nc compare --subject sub-01 my_nc.nii.gz --session ses-01",
            ),
        ],
    ),
    (
        "nc compute",
        &[
            example(
                "one session, with the settings of the dataset",
                "laion-fmri nc compute --subject sub-01 --session ses-01 -o my_nc.nii.gz",
            ),
            example(
                "images with 12 repetitions over all sessions: what it takes",
                "laion-fmri nc compute --subject sub-01 --images 12rep --dry-run",
            ),
        ],
    ),
    (
        "nc compare",
        &[
            example(
                "with the map of a session",
                "laion-fmri nc compare --subject sub-01 my_nc.nii.gz --session ses-01",
            ),
            example(
                "with a subject-level map, in one ROI",
                "laion-fmri nc compare --subject sub-01 my_nc.nii.gz --desc Noiseceiling12rep --roi FFA1",
            ),
        ],
    ),
    (
        "coordinates",
        &[
            example(
                "voxels of an ROI",
                "laion-fmri coordinates --subject sub-01 --roi FFA1 -o ffa1_mm.npy",
            ),
            example(
                "all brain voxels, as CSV",
                "laion-fmri coordinates --subject sub-01 -o brain_mm.csv",
            ),
        ],
    ),
    (
        "to-nifti",
        &[
            example(
                "values of the whole brain",
                "laion-fmri to-nifti --subject sub-01 nc12.npy -o nc12.nii.gz",
            ),
            example(
                "values of an ROI",
                "laion-fmri to-nifti --subject sub-01 ffa1_nc.npy --roi FFA1 -o ffa1_nc.nii.gz",
            ),
        ],
    ),
    (
        "image",
        &[
            example(
                "an image as displayed",
                "laion-fmri image shared_12rep_LAION_cluster_2677_i5.jpg -o image.png",
            ),
            example(
                "the stored file",
                "laion-fmri image shared_12rep_LAION_cluster_2677_i5.jpg --encoded -o image.jpg",
            ),
        ],
    ),
    (
        "embedding",
        &[
            example(
                "one row per trial of a session",
                "laion-fmri embedding --model CLIP --subject sub-01 --session ses-01 -o clip.npy",
            ),
            example("all images", "laion-fmri embedding --model CLIP -o clip_all.npy"),
        ],
    ),
    (
        "segmentation",
        &[
            example(
                "which objects are in the image",
                "laion-fmri segmentation shared_12rep_LAION_cluster_2677_i5.jpg",
            ),
            example(
                "the mask of one of them",
                "laion-fmri segmentation shared_12rep_LAION_cluster_2677_i5.jpg dog -o dog.png",
            ),
        ],
    ),
    (
        "captions",
        &[
            example("all captions", "laion-fmri captions shared_12rep_LAION_cluster_2677_i5.jpg"),
            example(
                "captions written by people",
                "laion-fmri captions shared_12rep_LAION_cluster_2677_i5.jpg --source human",
            ),
        ],
    ),
    (
        "stimuli",
        &[
            example("images with a dog", "laion-fmri stimuli list --noun dog"),
            example(
                "shared images of one source dataset",
                "laion-fmri stimuli list --dataset NSD --stimuli shared",
            ),
        ],
    ),
    (
        "stimuli list",
        &[
            example("images with a dog and a cat", "laion-fmri stimuli list --noun dog cat"),
            example(
                "images whose captions mention a word, with their source",
                "laion-fmri stimuli list --caption plate --json",
            ),
            example(
                "images that a subject saw, planned for 12 repetitions",
                "laion-fmri stimuli list --subject sub-01 --reps 12 > images.txt",
            ),
        ],
    ),
    (
        "splits",
        &[
            example("which splits there are", "laion-fmri splits list --pool shared"),
            example(
                "training and test trials of a subject, as masks",
                "laion-fmri splits masks tau --pool shared --subject sub-01 -o tau.npz",
            ),
        ],
    ),
    (
        "splits list",
        &[
            example("splits of the shared images", "laion-fmri splits list --pool shared"),
            example("all splits as CSV", "laion-fmri splits list --format csv > splits.csv"),
        ],
    ),
    (
        "splits show",
        &[
            example("how a split was made", "laion-fmri splits show tau --pool shared"),
            example(
                "the same for a script",
                "laion-fmri splits show cluster_k5_0 --pool sub-01 --json",
            ),
        ],
    ),
    (
        "splits ids",
        &[
            example(
                "the test images",
                "laion-fmri splits ids tau --pool shared --set test > test.txt",
            ),
            example(
                "test images of one type",
                "laion-fmri splits ids ood --pool shared --set test --ood-type gabor",
            ),
        ],
    ),
    (
        "splits masks",
        &[
            example(
                "all sessions",
                "laion-fmri splits masks tau --pool shared --subject sub-01 -o tau.npz",
            ),
            example(
                "one session",
                "laion-fmri splits masks tau --pool shared --subject sub-01 --session 01 -o tau_01.npz",
            ),
        ],
    ),
    (
        "splits check",
        &[
            example("one split", "laion-fmri splits check tau --pool shared --subject sub-01"),
            example(
                "for a script",
                "laion-fmri splits check tau --pool shared --subject sub-01 --format csv",
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
            example("scripts to submit", "laion-fmri slurm plan.jsonl -o jobs/"),
            example(
                "with a partition and a time limit",
                "laion-fmri slurm plan.jsonl --partition cpu --time 04:00:00 -o jobs/",
            ),
        ],
    ),
    (
        "reproduce",
        &[
            example(
                "make the same array again under another name",
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
