//! Arrays, tables and images.

use super::{Examples, example};

/// Sorted as the commands are.
pub(super) const EXAMPLES: &[Examples] = &[
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
        "store",
        &[
            example(
                "build the store of a subject; later commands use it",
                "laion-fmri store build --subject sub-01",
            ),
            example("the stores of a subject", "laion-fmri store list --subject sub-01"),
        ],
    ),
    (
        "store build",
        &[
            example(
                "every session, all voxels of the brain",
                "laion-fmri store build --subject sub-01",
            ),
            example(
                "only what is needed, straight from the bucket",
                "laion-fmri store build --subject sub-01 --session 01 --roi face --from bucket -o face_stores",
            ),
        ],
    ),
    (
        "store plan",
        &[
            example(
                "the tasks of a store, for a cluster",
                "laion-fmri store plan --subject sub-01 > store.jsonl",
            ),
            example(
                "job scripts for them",
                "laion-fmri store plan --subject sub-01 > store.jsonl && \\\n    \
             laion-fmri slurm store.jsonl -o jobs",
            ),
        ],
    ),
    (
        "store list",
        &[
            example("all stores with their sessions and sizes", "laion-fmri store list"),
            example("for a program", "laion-fmri store list --subject sub-01 --json"),
        ],
    ),
    (
        "store verify",
        &[
            example("every byte of every store", "laion-fmri store verify"),
            example(
                "the stores of one brain mask",
                "laion-fmri store verify --subject sub-01 --mask-source anatomical",
            ),
        ],
    ),
    (
        "store remove",
        &[
            example("one session", "laion-fmri store remove --subject sub-01 --session 01"),
            example("the whole store", "laion-fmri store remove --subject sub-01"),
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
            example(
                "the same as a volume",
                "laion-fmri noise-ceiling --subject sub-01 --desc Noiseceiling12rep -o map12.nii.gz",
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
            example(
                "rows of betas as the volumes of a 4-D file",
                "laion-fmri to-nifti --subject sub-01 ffa1_betas.npy --roi FFA1 -o ffa1_betas.nii.gz",
            ),
        ],
    ),
    (
        "to-template",
        &[
            example(
                "values of the whole brain on fsaverage; this needs the FreeSurfer folder of the subject",
                "laion-fmri download --prefix derivatives/freesurfer/sub-01/ && \\\n    \
             laion-fmri to-template --subject sub-01 nc12.npy --target fsaverage \\\n    \
             --fsaverage ~/freesurfer/subjects -o nc12_fsaverage.npz",
            ),
            example(
                "the same as a volume of MNI305",
                "laion-fmri to-template --subject sub-01 nc12.npy --target MNI305 -o nc12_mni.nii.gz",
            ),
        ],
    ),
    (
        "figure",
        &[
            example(
                "a noise ceiling with the outline of an ROI, from 10 percent",
                "laion-fmri figure --subject sub-01 --map nc --threshold 10 --roi FFA1 -o nc.png",
            ),
            example(
                "the betas of a trial, seen from behind",
                "laion-fmri figure --subject sub-01 --trial 01:17 --plane coronal --range -3,3 -o trial.png",
            ),
            example(
                "your own values for each brain voxel",
                "laion-fmri figure --subject sub-01 --map nc12.npy --title \"My map\" -o mine.png",
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
            example("list the splits of the shared images", "laion-fmri splits list --pool shared"),
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
];
