//! Outputs that exist already: they are replaced, which is said when it is certain.

use crate::{User, names};

#[test]
fn an_output_that_exists_is_replaced_and_that_is_said() {
    let user = User::with_session();
    for (line, output) in [
        ("trials --subject 03", "t.csv"),
        ("mask --subject 03", "m.npy"),
        ("roi --subject 03 FFA1", "r.npz"),
        ("betas --subject 03 --session 01 --roi FFA1", "b.npy"),
        ("betas --subject 03 --session 01 --roi FFA1", "all.npz"),
        ("coordinates --subject 03 --roi FFA1", "c.csv"),
        ("noise-ceiling --subject 03 --session 01 --roi FFA1", "n.npy"),
        ("to-nifti --subject 03 n.npy --roi FFA1", "n.nii"),
        ("extract --subject 03 --session 01 --roi FFA1", "e.npz"),
        ("extract --subject 03 --session 01 --roi FFA1", "e.zarr"),
        ("extract --subject 03 --session 01 --roi FFA1", "e.parquet"),
        ("splits masks tau --pool shared --subject 03 --session 01", "s.npz"),
        ("figure --subject 03 --map r2", "f.png"),
    ] {
        let line = format!("{line} -o {output}");
        let first = user.ok(&line);
        assert!(!first.err.contains("will be replaced"), "{line}: {}", first.err);
        let second = user.ok(&line);
        let note = format!("note: {output} exists and will be replaced\n");
        assert!(second.err.contains(&note), "{line}: {}", second.err);
        assert_eq!(user.ok(&format!("{line} -q")).err, "", "{line}");
    }
    // One note for several files.
    let two = "nc compute --subject sub-03 --session ses-01 --roi FFA1 -o nc.npy";
    user.ok(two);
    let said = "note: nc.npy and 1 more exist and will be replaced\n";
    assert!(user.ok(two).err.starts_with(said));
    assert!(!user.ok(&format!("{two} --dry-run")).err.contains("replaced"));
    let folder = "betas --subject 03 --session 01 --roi FFA1 -o d/";
    user.ok(folder);
    assert!(user.ok(folder).err.starts_with("note: d/ses-01.npy exists and will be replaced\n"));
    user.ok("man pages");
    let more = names(&user.path("pages")).len() - 1;
    let said = format!("note: pages/laion-fmri.1 and {more} more exist and will be replaced\n");
    assert_eq!(user.ok("man pages").err, said);
    let again = user.ok("reproduce e.npz");
    assert!(again.err.contains("e.npz exists and will be replaced\n"), "{}", again.err);
    // A merge says it when all parts are there.
    let plan = user.ok("plan --subject 03 --session 01 --roi face -o e.npz").stdout;
    std::fs::write(user.path("plan.jsonl"), plan).unwrap();
    user.ok("run plan.jsonl");
    let merged = user.ok("merge plan.jsonl");
    assert!(merged.err.contains("note: DIR/e.npz exists and will be replaced\n"), "{}", merged.err);
}

#[test]
fn what_fails_first_replaces_nothing() {
    let user = crate::stimuli::user();
    user.ok("noise-ceiling --subject 03 --session 01 --roi FFA1 -o n.npy");
    let plan = user.ok("plan --subject 03 --session 01 --roi FFA1 -o e.npz").stdout;
    std::fs::write(user.path("plan.jsonl"), plan).unwrap();
    let files = [
        "b.npy", "m.npy", "r.npz", "c.csv", "n.nii", "e.npz", "s.npz", "f.png", "i.npy", "v.npy",
        "d.npy", "t.npz", "t.nii.gz",
    ];
    for file in files {
        std::fs::write(user.path(file), "mine").unwrap();
    }
    let before = names(user.folder.path());
    let ones = laion_fmri::ndarray::Array1::from_elem(3, 1.0_f32);
    laion_fmri::export::write_npy(user.path("short.npy"), &ones).unwrap();
    let betas = "betas --subject 03 --session 01 --roi FFA1 -o b.npy";
    for (line, code) in [
        ("betas --subject 03 --session 01 --roi FFA9 -o b.npy", 2),
        ("betas --subject 03 --session 02 --roi FFA1 -o b.npy", 3),
        (&format!("{betas} --trials 3,999"), 2),
        (&format!("{betas} --nc-threshold 101"), 3),
        (&format!("{betas} --nc-threshold 5 --nc-desc Noiseceiling12rep"), 3),
        ("mask --subject 03 --roi FFA9 -o m.npy", 2),
        ("roi --subject 03 FFA9 -o r.npz", 2),
        ("coordinates --subject 03 --roi FFA9 -o c.csv", 2),
        ("noise-ceiling --subject 03 --session 02 -o n.npy", 3),
        ("to-nifti --subject 03 n.npy --roi face -o n.nii", 2),
        ("trials --subject 03 --session 02 -o c.csv", 3),
        ("extract --subject 03 --session 02 --roi FFA1 -o e.npz", 3),
        ("merge plan.jsonl", 3),
        ("splits masks tau --pool shared --subject 01 -o s.npz", 3),
        ("splits masks tau --pool shared --subject 03 --session 02 -o s.npz", 3),
        ("figure --subject 03 --map r2 --range 5,1 -o f.png", 2),
        ("figure --subject 03 --map nc -o f.png", 3),
        ("image nosuch.jpg -o i.npy", 2),
        ("image --subject 03 --session 01 --trial 999 -o i.npy", 2),
        ("embedding --model CLIP nosuch.jpg -o v.npy", 2),
        ("segmentation nosuch.jpg dog -o d.npy", 2),
        ("to-template --subject 03 short.npy --target fsnative -o t.npz", 2),
        ("to-template --subject 03 n.npy --roi FFA1 --target fsnative -o t.npz", 3),
        ("to-template --subject 03 n.npy --roi FFA1 --target MNI305 -o t.nii.gz", 3),
    ] {
        let message = user.fails(line, code);
        assert!(message.starts_with("error: "), "{line}: {message}");
    }
    std::fs::remove_file(user.path("short.npy")).unwrap();
    assert_eq!(names(user.folder.path()), before);
    for file in files {
        assert_eq!(std::fs::read_to_string(user.path(file)).unwrap(), "mine", "{file}");
    }
}
