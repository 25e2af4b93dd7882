//! From the bucket to arrays: download, masks, betas, trials.

use fixtures::bucket;
use laion_fmri::export::read_npy;

use crate::{User, names};

const BETAS: &str = "derivatives/glmsingle-tedana/sub-03/ses-01/func/sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";

#[test]
fn a_session_is_mirrored_and_read() {
    let user = User::new();
    let ran = user.ok("download --subject sub-03 --ses ses-01 --accept-license");
    assert_eq!(ran.out, "");
    assert!(ran.err.starts_with("downloaded "), "{}", ran.err);
    assert!(user.mirror().join(BETAS).is_file());

    let ran = user.ok("betas --subject sub-03 --session 01 --roi FFA1 -o ffa1.npy");
    let voxels = bucket::anatomical_voxels("sub-03");
    let ffa1 = bucket::Roi::of("sub-03", "FFA1").unwrap();
    let voxels: Vec<_> = voxels.into_iter().filter(|voxel| ffa1.contains(*voxel)).collect();
    let trials = bucket::labels("sub-03", "ses-01").len();
    let betas = read_npy::<f32>(user.path("ffa1.npy")).unwrap();
    let with_nan =
        betas.columns().into_iter().filter(|all| all.iter().any(|it| it.is_nan())).count();
    assert_eq!(
        ran.err,
        format!(
            "ses-01: {trials} trials x {} voxels, NaN in {with_nan} voxels -> ffa1.npy\n",
            voxels.len()
        )
    );
    assert_eq!(betas.shape(), [trials, voxels.len()]);
    for ((trial, voxel), value) in
        (0..trials).flat_map(|trial| voxels.iter().map(move |voxel| (trial, voxel))).zip(&betas)
    {
        let expected = bucket::beta("sub-03", "ses-01", trial, *voxel);
        assert!(value.to_bits() == expected.to_bits() || (value.is_nan() && expected.is_nan()));
    }
    assert_eq!(names(user.folder.path()), ["ffa1.npy", "home", "mirror"]);
}

#[test]
fn files_are_reported_as_json_too() {
    let user = User::with_session();
    let report = |line: &str| -> serde_json::Value {
        let ran = user.ok(&format!("--json {line}"));
        let lines: Vec<&str> = ran.out.lines().collect();
        assert!(!lines.is_empty(), "{line}: {}", ran.err);
        serde_json::from_str(lines[0]).unwrap()
    };
    for line in [
        "betas --subject 03 --session 01 --roi FFA1 -o x.npy",
        "mask --subject 03 --roi FFA1 -o m.npy",
        "coordinates --subject 03 --roi FFA1 -o c.npy",
        "roi --subject 03 FFA1 -o r.npz",
        "noise-ceiling --subject 03 --session 01 --roi FFA1 -o n.npy",
        "to-nifti --subject 03 n.npy --roi FFA1 -o n.nii",
        "trials --subject 03 -o t.csv",
        "splits masks tau --pool shared --subject 03 -o s.npz",
        "extract --subject 03 --session 01 --roi FFA1 -o e.parquet",
    ] {
        let object = report(line);
        assert_eq!(object["schema"], "laion-fmri.written/1", "{line}");
        assert_eq!(object["path"], line.rsplit(' ').next().unwrap());
    }
    // The name of a file decides what is in it.
    let table = std::fs::read_to_string(user.path("t.csv")).unwrap();
    assert!(table.starts_with("session,run,"), "{table}");
    assert_eq!(user.ok("trials --subject 03 -o t.csv -q").err, "");
    let said = format!("{} rows -> t.csv\n", table.lines().count() - 1);
    assert!(user.ok("trials --subject 03 -o t.csv").err.ends_with(&said));
    let shape = &report("betas --subject 03 --session 01 --roi FFA1 -o x.npy")["shape"];
    let array = read_npy::<f32>(user.path("x.npy")).unwrap();
    assert_eq!(*shape, serde_json::json!(array.shape()));
    let extract = "extract --subject 03 --session 01 --roi FFA1 -o e.npz";
    assert_eq!(report(extract)["schema"], "laion-fmri.extract/1");
    assert_eq!(report(&format!("{extract} -n"))["schema"], "laion-fmri.extract-plan/1");
    let rows = "extract --subject 03 --session 01 --roi FFA1 -o rows.parquet -n";
    assert_eq!(report(rows)["schema"], "laion-fmri.extract-plan/1");
    assert!(user.ok(rows).err.starts_with("would write ") && !user.path("rows.parquet").exists());
    assert_eq!(report("license")["accepted"], true);
    for action in ["show", "methods", "cite"] {
        assert!(report(&format!("recipe {action} e.npz"))["schema"].is_string());
    }
    assert_eq!(report("doctor")["check"], "version");
    // The data alone go to standard output.
    let piped = user.ok("--json betas --subject 03 --session 01 --roi FFA1 -o -");
    assert!(piped.stdout.starts_with(b"\x93NUMPY"));
}

#[test]
fn one_session_named_twice_is_one() {
    let user = User::with_session();
    user.ok("betas --subject 03 --session 01 01 --roi FFA1 -o y.npy");
    user.ok("download --subject sub-03 --ses ses-02");
    let message = user.fails("betas --subject 03 --session 01 02 --roi FFA1 -o y2.npy", 2);
    assert!(message.contains("2 sessions do not fit into y2.npy"), "{message}");
}

#[test]
fn verbose_says_which_files_are_read_and_fetched() {
    let user = User::new();
    let ran = user.ok("download --subject sub-03 --ses ses-01 --accept-license -v");
    assert!(ran.err.contains(BETAS), "{}", ran.err);
    let ran = user.ok("betas --subject 03 --session 01 --roi FFA1 -v -o x.npy");
    assert!(ran.err.contains(BETAS) && ran.err.contains("desc-brain_mask"), "{}", ran.err);
}

#[test]
fn maps_and_sessions_that_do_not_exist_are_no_circle() {
    let user = User::with_session();
    let message = user.fails("noise-ceiling --subject 03 --desc 12rep -o x.npy", 3);
    assert!(
        message.contains("--ses averages") || message.contains("--desc Noiseceiling12rep"),
        "{message}"
    );
    user.ok("download --subject sub-03 --ses averages");
    let message = user.fails("noise-ceiling --subject 03 --desc 12rep -o x.npy", 3);
    assert!(message.ends_with("hint: --desc Noiseceiling12rep\n"), "{message}");
    let message = user.fails("betas --subject 03 --session 31 -o x.npy", 3);
    assert!(!message.contains("hint: laion-fmri download"), "{message}");
    let message = user.fails("download --subject sub-03 --suffix nothing --dry-run", 3);
    assert!(!message.contains("dry-run"), "{message}");
}

#[test]
fn a_download_of_a_subject_is_enough_for_reading() {
    let user = User::new();
    let run = |line: &str| {
        let ran = user.run_with(user.command(&line.split(' ').collect::<Vec<_>>()));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        ran
    };
    run("config --data-dir mirror");
    run("download --subject sub-01 --accept-license");
    let ran = run("betas --subject sub-01 --session ses-01 --roi FFA1 -o x.npy");
    let trials = bucket::labels("sub-01", "ses-01").len();
    assert!(ran.err.starts_with(&format!("ses-01: {trials} trials x ")), "{}", ran.err);
    run("betas --subject sub-01 --session ses-01 --mask-source rsquare -o x.npy");
}

#[test]
fn a_missing_brain_mask_is_fetched_by_the_hint_alone() {
    let user = User::new();
    user.ok("download --subject sub-03 --desc Noiseceiling12rep --accept-license");
    for source in ["anatomical", "rsquare"] {
        let read = format!(
            "noise-ceiling --subject 03 --desc Noiseceiling12rep --mask-source {source} -o x.npy"
        );
        let message = user.fails(&read, 3);
        let hint = "hint: laion-fmri download --subject sub-03 --brain-mask\n";
        assert!(message.ends_with(hint), "{message}");
    }
    let ran = user.ok("download --subject sub-03 --brain-mask -n --json");
    let fetched: Vec<&str> = ran.out.lines().filter(|line| line.contains("\"fetch\"")).collect();
    let is_mask =
        |line: &&str| line.contains("res-1pt8_desc-brain_mask.") || line.contains("desc-R2mean_");
    assert!(!fetched.is_empty() && fetched.iter().all(is_mask), "{fetched:?}");
    user.ok("download --subject sub-03 --brain-mask");
    for source in ["anatomical", "rsquare"] {
        user.ok(&format!(
            "noise-ceiling --subject 03 --desc Noiseceiling12rep --mask-source {source} -o x.npy"
        ));
    }
    assert!(
        user.fails("download --subject 03 --brain-mask --ses 01", 2)
            .contains("cannot be used with")
    );
}

#[test]
fn standard_output_and_a_file_are_equal() {
    let user = User::with_session();
    user.ok("betas --subject 03 --session 01 --roi face V1v -o betas.npy");
    let piped = user.ok("betas --subject 03 --session 01 --roi face V1v -o -");
    assert_eq!(piped.stdout, std::fs::read(user.path("betas.npy")).unwrap());
    user.ok("mask --subject 03 --roi face -o mask.npy");
    let piped = user.ok("mask --subject 03 --roi face -o -");
    assert_eq!(piped.stdout, std::fs::read(user.path("mask.npy")).unwrap());
}

#[test]
fn several_sessions_go_into_a_directory() {
    let user = User::with_session();
    user.ok("download --subject sub-03 --ses ses-02");
    user.ok("betas --subject 03 --session 01 ses-02 --roi FFA1 -o sessions/");
    assert_eq!(names(&user.path("sessions")), ["ses-01.npy", "ses-02.npy"]);
    user.ok("betas --subject 03 --session 02 --roi FFA1 -o alone.npy");
    assert_eq!(
        std::fs::read(user.path("sessions/ses-02.npy")).unwrap(),
        std::fs::read(user.path("alone.npy")).unwrap()
    );
}

#[test]
fn masks_are_written_over_the_grid_and_over_the_brain() {
    let user = User::with_session();
    user.ok("mask --subject 03 -o brain.npy");
    let brain = read_npy::<bool>(user.path("brain.npy")).unwrap();
    let expected: Vec<bool> = bucket::BETA_GRID
        .voxels()
        .map(|voxel| bucket::in_anatomical_mask("sub-03", voxel))
        .collect();
    assert_eq!(brain.as_slice().unwrap(), expected);
    user.ok("mask --subject 03 --roi FFA1 --mask-source rsquare -o ffa1.npy");
    let ffa1 = read_npy::<bool>(user.path("ffa1.npy")).unwrap();
    assert_eq!(ffa1.shape(), [bucket::rsquare_voxels("sub-03").len()]);
    user.ok("mask --subject 03 --roi FFA1 -o ffa1.nii.gz");
    let volume = laion_fmri::nifti_stream::fs::read_volume(user.path("ffa1.nii.gz")).unwrap();
    let set = volume.nonzero_mask().iter().filter(|voxel| **voxel).count();
    assert_eq!(
        user.ok("mask --subject 03 --roi FFA1 -o again.npy").err,
        format!("{set} voxels -> again.npy\n")
    );
}

#[test]
fn trials_come_as_tsv_csv_and_json() {
    let user = User::with_session();
    let table = user.mirror().join(
        "derivatives/glmsingle-tedana/sub-03/ses-01/func/sub-03_ses-01_task-images_desc-SingletrialBetas_trials.tsv",
    );
    let ran = user.ok("trials --subject 03 --session 01");
    assert_eq!(ran.stdout, std::fs::read(table).unwrap());
    let labels = bucket::labels("sub-03", "ses-01");
    let json = user.ok("trials --subject 03 --json");
    for (line, label) in json.out.lines().zip(&labels) {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["schema"], "laion-fmri.trial/1");
        assert_eq!(row["label"], *label);
        assert!(row["run"].is_u64() && row["session"] == "ses-01");
    }
    assert_eq!(json.out.lines().count(), labels.len());
    user.ok("trials --subject 03 -o trials.csv");
    let csv = std::fs::read_to_string(user.path("trials.csv")).unwrap();
    assert_eq!(csv.lines().next(), Some("session,run,beta_index,label"));
    assert_eq!(csv.lines().count(), labels.len() + 1);
    user.ok("trials --subject 03 -o trials.parquet");
    let parquet = std::fs::read(user.path("trials.parquet")).unwrap();
    assert_eq!((&parquet[..4], &parquet[parquet.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
}

#[test]
fn columns_about_the_images_need_their_table() {
    let user = User::with_session();
    let ran = user.ok("trials --subject 03");
    assert!(ran.err.contains("download --prefix stimuli/task-images_metadata.csv"), "{}", ran.err);
    user.ok("download --prefix stimuli/task-images_metadata.csv");
    let ran = user.ok("trials --subject 03 --json");
    assert_eq!(ran.err, "");
    for (trial, (line, label)) in
        ran.out.lines().zip(bucket::labels("sub-03", "ses-01")).enumerate()
    {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let stimuli = bucket::stimulus_rows();
        let position = stimuli.iter().position(|stimulus| stimulus.image_name == label).unwrap();
        assert_eq!(row["session_trial"], trial);
        assert_eq!(row["image_name"], label);
        assert_eq!(row["stim_idx"], position);
        assert_eq!(row["dataset"], stimuli[position].dataset);
        assert_eq!(row["unique_or_shared"], stimuli[position].unique_or_shared);
        assert!(row["n_reps_actual"].as_u64().unwrap() > row["repetition"].as_u64().unwrap());
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let user = User::new();
    let ran = user.ok("download --subject sub-03 --ses ses-01 --dry-run");
    assert_eq!(names(&user.mirror()), Vec::<String>::new());
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("subject  session"), "{}", ran.out);
    let betas = lines.iter().find(|line| line.contains("statmap SingletrialBetas")).unwrap();
    assert!(betas.starts_with("sub-03   ses-01") && betas.contains("fetch"), "{betas}");
    let place = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    assert!(place("total") < place("by kind"), "{}", ran.out);
    let words = |start: &str| lines[place(start)].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words("by kind"), "by kind to download on disk already");
    assert!(words("betas and trials").starts_with("betas and trials 4 files, "), "{}", ran.out);
    assert!(words("ROIs").starts_with("ROIs 64 files, "), "{}", ran.out);

    let ran = user.ok("download --subject sub-03 --ses ses-01 -n --json");
    let plan: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ffa1 =
        plan.iter().find(|item| item["key"].as_str().unwrap().contains("res-1pt8_label-FFA-1"));
    let ffa1 = ffa1.unwrap();
    assert!(ffa1["local"].as_str().unwrap().contains("label-FFA1_mask"));
    assert_eq!((&ffa1["action"], &ffa1["reason"]), (&"fetch".into(), &"not on disk".into()));
    assert_eq!(ffa1["kind"], "ROIs");

    // What is there already is counted apart.
    user.ok("download --subject sub-03 --suffix mask --accept-license");
    let ran = user.ok("download --subject sub-03 --ses ses-01 --dry-run");
    let line = |start: &str| ran.out.lines().find(|line| line.starts_with(start)).unwrap();
    let words = |start: &str| line(start).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words("ROIs").starts_with("ROIs - 64 files, "), "{}", ran.out);
    assert!(words("betas and trials").ends_with(" kB -"), "{}", ran.out);
}

#[test]
fn a_second_run_keeps_and_withheld_objects_are_reported() {
    let user = User::with_session();
    let ran = user.ok("download --subject sub-03 --ses ses-01");
    assert!(ran.err.starts_with("downloaded 0 files (0 B), "), "{}", ran.err);
    assert!(ran.err.contains(" already on disk\n"), "{}", ran.err);
    let ran = user.ok("download --subject sub-03 --ses ses-02");
    assert!(
        ran.err.contains("1 file withheld: the server denies access (derivatives/"),
        "{}",
        ran.err
    );
    assert_eq!(user.run("download --subject sub-03 --ses ses-02 --strict").code, 6);
    let quiet = user.run("download --subject sub-03 --ses ses-02 --strict -q");
    let said = "1 file withheld: the server denies access (";
    assert!(quiet.code == 6 && quiet.err.starts_with(said), "{}", quiet.err);
    let ran = user.run("--strict download --subject sub-03 --ses ses-31");
    assert_eq!(ran.code, 6);
    let expected = " files withheld: the session is not released yet (ses-31)\n";
    assert!(ran.err.contains(expected), "{}", ran.err);
}

#[test]
fn files_that_are_all_denied_are_a_failure() {
    let user = User::new();
    let proxy = fixtures::Proxy::start(user.server.address(), |request| {
        let denied = request.is_object() && request.target.contains("/sub-03/");
        if denied { fixtures::Fault::Status(403, None) } else { fixtures::Fault::Pass }
    })
    .unwrap();
    let line = format!(
        "--bucket {} download --subject sub-03 --ses ses-01 --accept-license",
        proxy.url("laion-fmri")
    );
    let ran = user.run(&line);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("none of the requested files is available"), "{}", ran.err);
    assert_eq!(user.run(&format!("{line} --strict")).code, 6);
}

#[test]
fn progress_can_be_followed_by_a_program() {
    let user = User::new();
    let ran = user.ok("download --subject sub-03 --ses ses-01 --accept-license --progress json");
    let events: Vec<serde_json::Value> =
        ran.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(events[0]["event"], "planned");
    let fetched = |event: &&serde_json::Value| event["outcome"] == "fetched";
    assert_eq!(events[0]["files"], events.iter().filter(fetched).count());
    let quiet = user.ok("download --subject sub-03 --ses ses-02 -q");
    assert_eq!((quiet.out, quiet.err), (String::new(), String::new()));
}

#[test]
fn an_interrupted_download_keeps_only_complete_files() {
    let user = User::new();
    // Long enough to be interrupted, on any machine: a hole costs no disk here.
    let tree = user.bucket.path("derivatives/retinotopy/sub-01");
    let huge = std::fs::File::create(tree.join("huge.nii.gz")).unwrap();
    huge.set_len(1_000_000_000).unwrap();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut command = user.command(&[
            "download",
            "--prefix",
            "derivatives/retinotopy/sub-01/",
            "--accept-license",
            "--limit-rate",
            "20M",
        ]);
        command
            .env("LAION_FMRI_DATA", user.mirror())
            .env("LAION_FMRI_BUCKET", format!("file://{}", user.bucket.root().display()));
        let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        let folder = user.mirror().join("derivatives/retinotopy/sub-01");
        // The first bytes are there: a download that is stopped before has nothing to keep.
        let is_under_way = || {
            let there = names(&folder);
            let has = |ending: &str| there.contains(&format!(".huge.nii.gz.part{ending}"));
            has("") && has(".lock")
        };
        while !(folder.is_dir() && is_under_way()) {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let killed = std::process::Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let asked = std::time::Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(asked.elapsed().as_secs() < 5, "{:?}", asked.elapsed());
        // What is there is kept for the next run, under a name that nobody takes for the file.
        let left: Vec<_> =
            names(&folder).into_iter().filter(|name| name.contains("huge")).collect();
        assert_eq!(left, [".huge.nii.gz.part", ".huge.nii.gz.part.state"]);
    }
}

#[test]
fn filters_of_betas_are_those_of_the_library() {
    let user = User::with_session();
    user.ok("download --subject sub-03 --ses ses-02 averages --suffix statmap trials");
    let dataset = laion_fmri::Dataset::open(user.mirror()).unwrap();
    let subject = dataset.subject("sub-03").unwrap();
    let check = |options: &str, expected: laion_fmri::ndarray::Array2<f32>| {
        user.ok(&format!("betas --subject 03 --session 01 {options} -o filtered.npy"));
        let got = read_npy::<f32>(user.path("filtered.npy")).unwrap();
        assert_eq!(got.shape(), expected.shape(), "{options}");
        let bits = |value: &f32| value.to_bits();
        assert!(got.iter().map(bits).eq(expected.iter().map(bits)), "{options}");
        assert!(!expected.is_empty(), "{options}");
    };
    let betas = || subject.betas().session("ses-01");
    check("--nc-threshold 30", betas().nc_threshold(30.0).load().unwrap());
    let map = laion_fmri::NoiseCeiling::desc("Noiseceiling12rep").unwrap();
    check(
        "--nc-threshold 20 --nc-desc Noiseceiling12rep --roi face",
        betas().nc_threshold_on(map, 20.0).roi("face").load().unwrap(),
    );
    check("--stimuli shared", betas().stimuli(laion_fmri::StimulusSet::Shared).load().unwrap());
    check(
        "--trials 10:20,3 --roi FFA1 --streaming",
        betas().trials((10..20).chain([3])).roi("FFA1").load().unwrap(),
    );
    user.ok("mask --subject 03 --roi face --mask-source rsquare -o face.npy");
    let face = subject.roi_mask("face", laion_fmri::MaskSource::Rsquare).unwrap();
    check("--mask face.npy --mask-source rsquare", betas().mask(face).load().unwrap());
    let message = user.fails("betas --subject 03 --session 01 --mask face.npy -o x.npy", 2);
    assert!(message.starts_with("error: the mask has "), "{message}");

    user.ok("betas --subject 03 --session 01 02 --roi FFA1 -o both.npz");
    user.ok("betas --subject 03 --session 02 --roi FFA1 -o second.npy");
    let npz = laion_fmri::export::read_npz(user.path("both.npz")).unwrap();
    assert_eq!(npz.names().unwrap(), ["ses-01", "ses-02"]);
    user.ok("betas --subject 03 --session 02 --roi FFA1 -o second.csv");
    let csv = std::fs::read_to_string(user.path("second.csv")).unwrap();
    let second = read_npy::<f32>(user.path("second.npy")).unwrap();
    assert_eq!(csv.lines().count(), second.shape()[0] + 1);
    let numbers = csv.lines().skip(1).flat_map(|line| line.split(','));
    assert!(numbers.zip(&second).all(|(text, value)| {
        text.parse::<f32>().unwrap().to_bits() == value.to_bits() || value.is_nan()
    }));
}

#[test]
fn every_csv_file_begins_with_the_names_of_its_columns() {
    let user = User::with_session();
    let dataset = laion_fmri::Dataset::open(user.mirror()).unwrap();
    let face = dataset.subject("sub-03").unwrap();
    let face = face.roi_mask("face", laion_fmri::MaskSource::Anatomical).unwrap();
    let voxels: Vec<String> = face.indices().iter().map(|index| format!("v{index}")).collect();
    user.ok("download-embeddings --model CLIP");
    let ids = bucket::embedding_ids();
    let width = bucket::embedding("CLIP", ids[0]).len();
    let features: Vec<String> = (0..width).map(|feature| format!("f{feature}")).collect();
    let trials = bucket::labels("sub-03", "ses-01").len();
    let ceiling = "noise-ceiling --subject 03 --session 01 --roi face";
    for (line, header, rows) in [
        ("betas --subject 03 --session 01 --roi face", voxels.join(","), trials),
        (ceiling, "noise_ceiling".to_owned(), face.n_voxels()),
        ("coordinates --subject 03 --roi face", "x,y,z".to_owned(), face.n_voxels()),
        ("embedding --model CLIP", features.join(","), ids.len()),
    ] {
        user.ok(&format!("{line} -o x.csv"));
        let csv = std::fs::read_to_string(user.path("x.csv")).unwrap();
        assert_eq!(csv.lines().next(), Some(header.as_str()), "{line}");
        assert_eq!(csv.lines().count(), rows + 1, "{line}");
        // A column of whole numbers is one of floating-point numbers too, for whoever reads it.
        let numbers = csv.lines().skip(1).flat_map(|line| line.split(','));
        let is_float =
            |text: &str| text.contains(['.', 'e']) || ["NaN", "inf", "-inf"].contains(&text);
        numbers.for_each(|text| assert!(is_float(text), "{line}: {text}"));
    }
}

#[test]
fn a_fraction_in_the_place_of_percent_is_warned_about_once() {
    let user = User::with_session();
    let ran = user.ok("betas --subject 03 --session 01 --nc-threshold 0.3 -o x.npy");
    assert_eq!(ran.err.matches("is in percent").count(), 1, "{}", ran.err);
}

#[test]
fn maps_coordinates_and_volumes() {
    let user = User::with_session();
    user.ok("download --subject sub-03 --ses averages --suffix statmap");
    user.ok("noise-ceiling --subject 03 --session 01 --roi face -o nc.npy");
    let map = read_npy::<f32>(user.path("nc.npy")).unwrap();
    user.ok("coordinates --subject 03 --roi face -o where.npy");
    let coordinates = read_npy::<f64>(user.path("where.npy")).unwrap();
    assert_eq!(coordinates.shape(), [map.len(), 3]);
    user.ok("to-nifti --subject 03 nc.npy --roi face -o nc.nii.gz");
    let volume = laion_fmri::nifti_stream::fs::read_volume(user.path("nc.nii.gz")).unwrap();
    let dataset = laion_fmri::Dataset::open(user.mirror()).unwrap();
    let subject = dataset.subject("sub-03").unwrap();
    let face = subject.roi_mask("face", laion_fmri::MaskSource::Anatomical).unwrap();
    for (index, value) in face.indices().iter().zip(&map) {
        let got = volume.data()[*index];
        assert!(got.to_bits() == value.to_bits() || (got.is_nan() && value.is_nan()));
    }
    user.ok("noise-ceiling --subject 03 --desc Noiseceiling4rep Noiseceiling12rep -o maps.npz");
    let maps = laion_fmri::export::read_npz(user.path("maps.npz")).unwrap();
    assert_eq!(maps.names().unwrap(), ["Noiseceiling4rep", "Noiseceiling12rep"]);
    let message = user.fails("to-nifti --subject 03 nc.npy -o nc.nii.gz", 2);
    assert!(
        message.contains(" values, but ") && message.contains(" voxels are selected"),
        "{message}"
    );
    let message = user.fails("to-nifti --subject 03 where.npy -o nc.nii", 2);
    assert!(message.contains("there are 3 values, but "), "{message}");
}

#[test]
fn all_subjects_are_named_with_those_that_are_missing() {
    let user = User::with_session();
    let named = "note: --subject all: on disk: sub-03; not there: sub-01, sub-05, sub-06, sub-07\n";
    let ran = user.ok("extract --subject all --session 01 --roi face -o DIR/");
    assert!(ran.err.starts_with(named), "{}", ran.err);
    let ran = user.ok("plan --subject all --session 01 --roi face -o DIR/");
    assert!(ran.err.starts_with(named), "{}", ran.err);
    let ran = user.ok("extract --subject 03 --session 01 --roi face -o one.npz");
    assert!(!ran.err.contains("note: --subject"), "{}", ran.err);
}
