"""Hints: what would help, ready to be pasted into the call."""

from __future__ import annotations

import inspect
import json
import socket

import numpy as np
import pytest
from conftest import BUCKET

import laion_fmri
from laion_fmri import download as dl

pytestmark = pytest.mark.filterwarnings("ignore:.*not released or refused")


def hint_of(call):
    with pytest.raises(Exception) as raised:
        call()
    return raised.value.hint


def test_expressions_and_names_of_rois(sub):
    for roi, hint in (
        ("V1", 'roi="V1d | V1v"'),
        ("FFA1-OFA", 'put spaces around -: roi="FFA1 - OFA"'),
        ("FFA1 or FFA2", 'or is written |: roi="FFA1 | FFA2"'),
        ("face AND not FFA1", 'AND is written &: roi="face - FFA1"'),
        ("not FFA1", 'not is written -: roi="all - FFA1"'),
        ("FFA1 FFA2", 'roi=["FFA1", "FFA2"], or roi="FFA1 | FFA2"'),
        ("V1d,V1v", 'roi="V1d | V1v"'),
        ("V1d+V1v", 'roi="V1d | V1v"'),
        ("V1d, V1v", 'roi=["V1d", "V1v"], or roi="V1d | V1v"'),
        ("V1d + V1v", 'roi=["V1d", "V1v"], or roi="V1d | V1v"'),
        ("V1d,V9", None),
    ):
        assert hint_of(lambda roi=roi: sub.get_roi_mask(roi)) == hint


def test_an_expression_that_selects_nothing_is_not_left_out(configured):
    for roi in ("FFA1 - FFA1", ["FFA1 - FFA1", "FFA1 - face"]):
        with pytest.raises(laion_fmri.DataNotFoundError, match="no voxel") as raised:
            laion_fmri.extract("sub-03", "ses-01", roi=roi)
        assert raised.value.hint is None
    ceiling = {"nc_threshold": 101, "nc_desc": "Noiseceiling12rep"}
    unreached = hint_of(lambda: laion_fmri.extract("sub-03", "ses-01", roi="FFA1", **ceiling))
    assert unreached == 'leave out roi=["FFA1"] or nc_threshold=101'


def test_choices_of_voxels(sub):
    n_voxels = sub.get_n_voxels()
    both = hint_of(lambda: sub.get_betas("ses-01", roi="FFA1", mask=np.ones(n_voxels, bool)))
    assert "get_roi_mask" in both
    assert 'get_brain_mask("anatomical")' in hint_of(lambda: sub.get_betas("ses-01", mask=[True]))
    assert "mask_source" in hint_of(lambda: sub.to_nifti(np.zeros(3), "x.nii.gz", roi="FFA1"))


def test_words_that_are_nearly_right(sub):
    ceiling = sub.get_noise_ceiling("ses-01")
    assert hint_of(lambda: sub.to_template(ceiling, "fsaverag")) == 'target="fsaverage"'
    assert hint_of(lambda: sub.to_template(ceiling, "fsnative", hemi="l")) == 'hemi="L"'
    assert hint_of(lambda: laion_fmri.splits.load_split("taw", "shared")) == 'name="tau"'
    assert hint_of(lambda: laion_fmri.splits.load_split("tau", "sub01")) == 'pool="sub-01"'
    assert hint_of(lambda: sub.to_template(ceiling, "zzz")) is None


def test_masks_that_an_image_does_not_have(configured):
    masks = laion_fmri.Segmentations()
    name = masks.metadata.query("noun == 'dog' and instance_id == 1")["image_name"].iloc[0]
    hint = hint_of(lambda: masks.get(name, "dgo"))
    assert hint == 'noun="dog"; the nouns of this image are dog, cat, sky'
    assert hint_of(lambda: masks.get(name, "submarine")).startswith("the nouns of this image")
    with pytest.raises(KeyError, match="mask 5, counted from 0; there are 0, 1") as raised:
        masks.get(name, "dog", instance=5)
    assert raised.value.hint == "instance=1"
    assert hint_of(lambda: laion_fmri.load_stimuli().query(noun="dgo")) == 'noun="dog"'


def test_keywords_that_a_call_does_not_have(sub):
    assert hint_of(lambda: sub.get_betas("ses-01", rois="FFA1")) == 'roi="FFA1"'
    assert hint_of(lambda: sub.get_betas("ses-01", rois=["FFA1", "OFA"])) == 'roi=["FFA1", "OFA"]'
    assert hint_of(lambda: sub.get_betas("ses-01", masks=np.ones(1000, bool))) == "the keyword is mask"
    assert hint_of(lambda: sub.get_betas("ses-01", nc_treshold=np.float64(20))) == "nc_threshold=20.0"
    with pytest.raises(TypeError, match="did you mean 'zscore_ddof' or 'residual_ddof'") as raised:
        sub.nc_compute(ddof=1)
    assert raised.value.hint == "zscore_ddof=1, residual_ddof=1"
    assert hint_of(lambda: laion_fmri.extract("sub-03", ddof=1)) == "zscore_ddof=1"
    help_on = hint_of(lambda: laion_fmri.load_stimuli().query(foo=1))
    assert help_on == "help(laion_fmri.stimuli.Stimuli.query)"
    exec(help_on.replace("help(", "callable("), {"laion_fmri": laion_fmri})
    assert hint_of(lambda: laion_fmri.plan_extraction("sub-03", foo=1)).startswith("help(laion_fmri.")


def test_names_that_a_mapping_does_not_have(configured):
    group = laion_fmri.load_subjects(["sub-01", "sub-03"])
    for key, hint in (("3", 'group["sub-03"]'), ("Sub-01", 'group["sub-01"]'), ("sub-07", None)):
        with pytest.raises(KeyError, match="subjects: sub-01, sub-03") as raised:
            group[key]
        assert raised.value.hint == hint
    assert "list(group)" in hint_of(lambda: group[:1])
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1")
    assert "bets" not in made and made.get("bets") is None
    with pytest.raises(KeyError, match="there is no array 'bets'; arrays: .*betas") as raised:
        made["bets"]
    assert raised.value.hint == "did you mean 'betas'?"
    assert hint_of(lambda: made[0]) is None


def test_values_in_the_place_of_others(sub):
    flags = np.ones(sub.get_n_voxels(), bool)
    for value in (flags, flags.astype(int), flags.tolist()):
        assert "mask=flags" in hint_of(lambda value=value: sub.get_betas("ses-01", roi=value))
        assert "mask=flags" in hint_of(lambda value=value: sub.get_roi_mask(value))
    assert hint_of(lambda: sub.get_betas("ses-01", mask="FFA1")) == 'roi="FFA1"'
    of_file = hint_of(lambda: sub.get_betas("ses-01", mask="brain.nii.gz"))
    file = 'laion_fmri.io.load_nifti_mask("brain.nii.gz")'
    assert of_file == f'mask={file}[subject.get_brain_mask("anatomical")]'
    assert hint_of(lambda: sub.get_betas("ses-01", mask="brain.npy")) is None
    assert hint_of(lambda: laion_fmri.load_subject("sub-03", from_bucket="no")) == "from_bucket=False"
    assert hint_of(lambda: sub.images[98]) == "the last trial is 97, or -1"
    assert hint_of(lambda: sub.get_betas("ses-01", mask_source="anatomy")) == 'mask_source="anatomical"'
    of_text = hint_of(lambda: laion_fmri.templates.to_template("sub-03", flags, "fsnative"))
    assert of_text == 'laion_fmri.load_subject("sub-03")'


def test_pools_by_a_short_id(configured):
    for call in (
        lambda: laion_fmri.extract("sub-03", "ses-01", roi="FFA1", split="tau", pool="3"),
        lambda: laion_fmri.splits.load_split("tau", "3"),
        lambda: laion_fmri.splits.list_splits("3"),
        lambda: laion_fmri.splits.duplicate_groups("3"),
    ):
        assert hint_of(call) == 'pool="sub-03"'


def test_another_number_is_never_guessed(configured):
    for pool in ("sub-99", "99"):
        assert hint_of(lambda pool=pool: laion_fmri.splits.load_split("tau", pool)) is None
        assert hint_of(lambda pool=pool: laion_fmri.extract("sub-03", split="tau", pool=pool)) is None
    for name in ("random", "random_7"):
        assert hint_of(lambda name=name: laion_fmri.splits.load_split(name, "shared")) is None
    assert hint_of(lambda: laion_fmri.splits.load_split("radnom_4", "shared")) == 'name="random_4"'


def test_outputs_of_another_kind(sub):
    written = hint_of(lambda: sub.nc_compute("ses-01", roi="FFA1", output="x.npy"))
    assert written == 'numpy.save("x.npy", subject.nc_compute().values)'
    ceiling = sub.get_noise_ceiling("ses-01")
    assert hint_of(lambda: sub.to_nifti(ceiling, "x.mgz")) == 'output_path="x.nii"'


def test_sessions_that_are_downloaded_have_two_digits(empty):
    dl.download("sub-03", ses="ses-01")
    hint = hint_of(lambda: laion_fmri.load_subject("sub-03").get_betas("2"))
    assert hint == 'laion_fmri.download.download("sub-03", ses="ses-02", desc="SingletrialBetas")'


def test_a_file_in_the_place_of_a_data_directory(tmp_path):
    file, missing = tmp_path / "x.txt", tmp_path / "missing"
    file.write_text("")
    for call in (
        lambda path: laion_fmri.dataset_initialize(str(path)),
        lambda path: laion_fmri.Subject("sub-03", path).get_sessions(),
    ):
        assert hint_of(lambda call=call: call(file)).startswith("name a directory: ")
        assert hint_of(lambda call=call: call(missing)) == f'import os; os.makedirs("{missing}")'


def test_raw_data_are_downloaded_alone(empty):
    bound = inspect.signature(dl.download_raw).bind
    dl.download("sub-03", brain_mask_only=True)
    sub = laion_fmri.Subject("sub-03", empty)
    start = 'laion_fmri.download.download_raw("sub-03", ses="ses-01", task="images"'
    bold = 'suffix="bold", extension="nii.gz"'
    for call, rest in (
        (lambda: sub.get_raw_bold("ses-01", 1, 1), f', run="01", echo="1", part="mag", {bold})'),
        (lambda: sub.get_sbref("ses-01", 1, 1), ', run="01", echo="1", suffix="sbref", extension="nii.gz")'),
        (lambda: sub.get_events("ses-01", 1), ', run="01", suffix="events", extension="tsv")'),
    ):
        hint = hint_of(call)
        assert hint == start + rest
        # The call takes all that the hint gives it.
        eval(hint.replace("laion_fmri.download.download_raw(", "bound("), {"bound": bound})


def test_what_is_required(sub, tmp_path):
    assert hint_of(lambda: sub.get_betas(None)) == 'session="ses-01"'
    assert "desc=" in hint_of(lambda: sub.get_noise_ceiling())
    nowhere = tmp_path / "nowhere"
    out = nowhere / "x.npz"
    assert hint_of(lambda: laion_fmri.extract("sub-03", output=out)) == f'import os; os.makedirs("{nowhere}")'
    assert 'average="image"' in hint_of(lambda: laion_fmri.extract(["sub-01", "sub-03"], roi="FFA1"))


def test_maps_and_sessions_that_the_dataset_does_not_have(sub, empty):
    unknown = hint_of(lambda: sub.get_noise_ceiling(desc="Noiseceiling13rep"))
    assert "Noiseceiling4rep, Noiseceiling12rep" in unknown
    dl.download("sub-03", ses="ses-01")
    near = laion_fmri.load_subject("sub-03")
    assert 'session="ses-02"' in hint_of(lambda: near.get_betas("ses-09"))
    # What the bucket has is downloaded.
    assert hint_of(lambda: near.get_betas("ses-02")).startswith("laion_fmri.download.download(")


def test_the_nearest_of_many_sessions(own):
    path = own / ".laion_fmri" / "listed_sessions.json"
    path.parent.mkdir(exist_ok=True)
    sessions = [f"ses-{number:02d}" for number in range(1, 21)]
    listed = {"schema": "laion-fmri.listed-sessions/1", "bucket": "s3://x", "sessions": {"sub-03": sessions}}
    path.write_text(json.dumps(listed))
    near = laion_fmri.load_subject("sub-03")
    nearest = 'the bucket does not have it; the nearest is session="ses-20"'
    for call in (
        lambda: near.get_betas("ses-25"),
        lambda: near.get_betas(["ses-01", "25"]),
        lambda: near.get_trial_info("ses-25"),
        lambda: near.concat_betas("ses-25"),
        lambda: near.get_noise_ceiling("ses-25"),
        lambda: laion_fmri.extract("sub-03", "ses-25"),
        lambda: laion_fmri.build_store("sub-03", session="ses-25"),
    ):
        assert hint_of(call) == nearest
    assert hint_of(lambda: near.get_betas("ses-03")).startswith("laion_fmri.download.download(")
    assert hint_of(lambda: near.get_betas("ses-31")).startswith("not released yet")


def test_what_the_bucket_does_not_have_is_not_downloaded(empty):
    dl.download("sub-05", include_anatomical=True)
    dl.download("sub-03", ses="ses-01")
    without = laion_fmri.load_subject("sub-05")
    nothing = (
        "the bucket has no betas of sub-05, as last listed; "
        'laion_fmri.get_rois("sub-05") lists the ROIs that it has'
    )
    for call in (
        lambda: without.get_betas("ses-01"),
        lambda: without.get_betas(1, roi=without.get_available_rois()[0]),
        lambda: without.concat_betas(),
        lambda: without.get_trial_info("ses-01"),
        lambda: without.get_noise_ceiling("ses-01"),
        lambda: without.get_noise_ceiling(desc="Noiseceiling12rep"),
        lambda: laion_fmri.extract("sub-05"),
        lambda: laion_fmri.extract("sub-05", "ses-01"),
        lambda: laion_fmri.build_store("sub-05"),
    ):
        assert hint_of(call) == nothing
    # Without a number, no session is the nearest.
    pilot = hint_of(lambda: laion_fmri.load_subject("sub-03").get_betas("ses-pilot"))
    assert pilot == "the bucket does not have it; its sessions, as last listed: ses-01, ses-02"
    raw = hint_of(lambda: laion_fmri.load_subject("sub-03").get_events("ses-pilot"))
    assert raw.startswith('laion_fmri.download.download_raw("sub-03", ses="ses-pilot", task="images"')


def test_what_the_bucket_that_is_read_does_not_have(monkeypatch):
    monkeypatch.setenv("LAION_FMRI_BUCKET", BUCKET)
    far = laion_fmri.load_subject("sub-03", from_bucket=True, accept_license=True)
    for call in (
        lambda: far.get_betas("foo"),
        lambda: far.get_betas("ses-25", roi="FFA1"),
        lambda: far.get_trial_info("foo"),
    ):
        assert hint_of(call) == "subject.get_sessions() lists those of the bucket"
    # What is missing is no session.
    assert hint_of(lambda: far.get_noise_ceiling(desc="Noiseceiling13rep")) is None


@pytest.mark.filterwarnings("ignore:nothing matches for")
def test_a_subject_that_the_bucket_does_not_have_is_not_downloaded(empty):
    whole = 'laion_fmri.download.download("sub-06")'
    assert hint_of(lambda: laion_fmri.load_subject("sub-06")) == whole
    # A download of all subjects lists them.
    dl.download_raw("all", suffix="events", extension="tsv")
    for call in (
        lambda: laion_fmri.load_subject("sub-06"),
        lambda: laion_fmri.Subject("sub-06").get_betas("ses-01"),
        lambda: laion_fmri.extract("sub-06", "ses-01"),
    ):
        assert hint_of(call) == (
            "the bucket does not have it; its subjects, as last listed: sub-01, sub-03, sub-05; "
            "laion_fmri.get_subjects() lists them again"
        )


def test_subjects_that_do_not_exist(configured):
    known = "the dataset has sub-01, sub-03, sub-05, sub-06, sub-07; laion_fmri.get_subjects() lists"
    for call in (
        lambda: laion_fmri.load_subject("sub-99"),
        lambda: laion_fmri.load_subject("sub-"),
        lambda: laion_fmri.resolve_subject_id("nobody at all"),
        lambda: laion_fmri.Subject("sub-99").get_betas("ses-01"),
        lambda: laion_fmri.extract("sub-99", "ses-01"),
        lambda: laion_fmri.build_store("sub-99"),
    ):
        assert hint_of(call).startswith(known)
    for spelled in ("Sub-03", "SUB03", "sub_3", "subject 3", "S3"):
        assert hint_of(lambda spelled=spelled: laion_fmri.load_subject(spelled)) == 'did you mean "sub-03"?'
    # One that is only not on disk is downloaded.
    assert "download" in hint_of(lambda: laion_fmri.load_subject("sub-06"))
    for several in ("all", "ALL", "sub-01,sub-03"):
        with pytest.raises(laion_fmri.SubjectNotFoundError) as raised:
            laion_fmri.load_subject(several)
        assert "load_subjects(" in raised.value.hint
    assert len(laion_fmri.load_subjects("ALL")) == len(laion_fmri.load_subjects("all"))


def test_subjects_of_another_type():
    assert hint_of(lambda: laion_fmri.load_subject(3)) == 'subject="sub-03"'
    assert hint_of(lambda: laion_fmri.load_subject(np.int64(12))) == 'subject="sub-12"'
    several = hint_of(lambda: laion_fmri.load_subject(["sub-01", "sub-03"]))
    assert several == 'laion_fmri.load_subjects(["sub-01", "sub-03"])'
    assert hint_of(lambda: laion_fmri.load_subject(None)) is None


def test_buckets_that_do_not_answer(empty, tmp_path, monkeypatch):
    def refused(bucket):
        monkeypatch.setenv("LAION_FMRI_BUCKET", bucket)
        for call in (laion_fmri.get_subjects, lambda: dl.download("sub-03", ses="ses-01")):
            with pytest.raises(laion_fmri.TransferError) as raised:
                call()
            yield raised.value.hint

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    for hint in refused(f"http://127.0.0.1:{port}/bucket"):
        assert "HTTPS_PROXY" in hint
    for hint in refused((tmp_path / "nowhere").as_uri()):
        assert "LAION_FMRI_BUCKET" in hint
    monkeypatch.setenv("LAION_FMRI_ACCESS_URL", f"http://127.0.0.1:{port}")
    assert "HTTPS_PROXY" in hint_of(laion_fmri.download_stimuli)
    monkeypatch.setenv("LAION_FMRI_BUCKET", BUCKET)
    monkeypatch.setenv("LAION_FMRI_OFFLINE", "1")
    assert "LAION_FMRI_OFFLINE" in hint_of(laion_fmri.get_subjects)


def test_nothing_of_the_subject_is_on_disk(empty):
    whole = 'laion_fmri.download.download("sub-01"'
    assert hint_of(lambda: laion_fmri.load_subject("sub-01")) == f"{whole})"
    for call in (laion_fmri.extract, laion_fmri.plan_extraction):
        assert hint_of(lambda call=call: call("sub-01", "ses-01")) == f'{whole}, ses="ses-01")'
        several = hint_of(lambda call=call: call("sub-01", ["1", "ses-02"]))
        assert several == f'{whole}, ses=["ses-01", "ses-02"])'
    built = hint_of(lambda: laion_fmri.build_store("sub-01", session="ses-01"))
    assert built == f'{whole}, ses="ses-01")'
    subject = laion_fmri.Subject("sub-01", empty)
    assert hint_of(lambda: subject.get_betas("ses-01")) == f'{whole}, ses="ses-01")'


@pytest.mark.filterwarnings("ignore:.*is not as it was downloaded", "ignore:.*another time of modification")
def test_another_data_directory_is_repeated(empty, tmp_path):
    other = tmp_path / 'the "other" one'
    other.mkdir()
    place = f"data_dir={json.dumps(str(other))}"
    subject = laion_fmri.Subject("sub-03", other)
    hint = hint_of(lambda: subject.get_betas("1"))
    assert hint == f'laion_fmri.download.download("sub-03", ses="ses-01", {place})'
    # What is pasted brings the data where the call looks for them.
    exec(hint, {"laion_fmri": laion_fmri})
    assert len(subject.get_betas("1", roi="FFA1")) == 52
    hint = hint_of(lambda: laion_fmri.Subject("sub-03", str(other)).get_betas("ses-02"))
    assert hint.startswith('laion_fmri.download.download("sub-03", ses="ses-02"')
    assert hint.endswith(f", {place})")
    hint = hint_of(lambda: laion_fmri.Subject("sub-03", other).get_events("ses-01"))
    assert hint.startswith('laion_fmri.download.download_raw("sub-03", ses="ses-01", task="images"')
    assert hint.endswith(f'suffix="events", extension="tsv", {place})')
    assert hint_of(lambda: laion_fmri.load_stimuli(other)).endswith(f"{place})")
    hint = hint_of(lambda: laion_fmri.load_embeddings("CLIP", other))
    assert hint == f'laion_fmri.download_embeddings("CLIP", {place})'
    exec(hint, {"laion_fmri": laion_fmri})
    laion_fmri.load_embeddings("CLIP", other)
    (trials,) = other.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*_trials.tsv")
    trials.write_bytes(b"")
    hint = hint_of(lambda: subject.get_trial_info(1))
    assert hint.startswith("laion_fmri.download.download([], prefix=") and hint.endswith(f", {place})")
    exec(hint, {"laion_fmri": laion_fmri})
    assert len(subject.get_trial_info(1)) == 52
    assert not [path for path in empty.rglob("*") if path.is_file()]


def test_warnings_repeat_another_data_directory(empty, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    place = f"data_dir={json.dumps(str(other))}"
    dl.download("sub-03", ses="ses-01", data_dir=other)
    (trials,) = other.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*_trials.tsv")
    (ffa1,) = other.glob("derivatives/rois/sub-03/face/*res-1pt8_label-FFA1_mask.nii.gz")
    sound = {path: path.read_bytes() for path in (trials, ffa1)}
    trials.write_bytes(sound[trials].replace(b"shared", b"Shared", 1))
    ffa1.unlink()
    with pytest.warns(UserWarning) as caught:
        laion_fmri.Subject("sub-03", other).get_trial_info("ses-01")
    call = f"laion_fmri.verify(repair=True, {place})"
    end = "compares it, and downloads it again if it is damaged"
    assert str(caught[0].message) == f"{trials} is not as it was downloaded; {call} {end}"
    with pytest.warns(UserWarning, match="the volume of FFA1 was downloaded") as caught:
        laion_fmri.Subject("sub-03", other).get_roi_mask("face")
    call = f'laion_fmri.verify("sub-03", repair=True, {place})'
    assert str(caught[0].message).endswith(f"; {call} downloads what is missing")
    exec(call, {"laion_fmri": laion_fmri})
    assert {path: path.read_bytes() for path in sound} == sound


def test_the_configured_data_directory_is_not_repeated(empty, monkeypatch):
    for data_dir in (None, empty, str(empty), f"{empty}/"):
        subject = laion_fmri.Subject("sub-03", data_dir)
        assert hint_of(lambda subject=subject: subject.get_sessions()) == (
            'laion_fmri.download.download("sub-03")'
        )
    monkeypatch.chdir(empty)
    assert "data_dir" not in hint_of(lambda: laion_fmri.load_stimuli("."))


def test_no_store_is_said_once(tmp_path):
    with pytest.raises(laion_fmri.DataNotFoundError, match="there is no store") as raised:
        laion_fmri.open_store(tmp_path / "sub-03")
    assert isinstance(raised.value, OSError) and "build_store" in raised.value.hint
    message = "x: cannot list: No such file or directory (os error 2)"
    error = laion_fmri._errors._build("OSError", message, None, {"errno": 2})
    assert str(error).count("No such file") == 1 and isinstance(error, FileNotFoundError)


def test_a_recipe_says_what_visual_means(configured):
    made = laion_fmri.extract("sub-03", "ses-01", roi=["visual", "face - visual"])
    assert made.recipe["conventions"]["rois"] == ["laion", "face - laion"]
    np.testing.assert_array_equal(
        made["betas"], laion_fmri.extract("sub-03", "ses-01", roi=["laion", "face - laion"])["betas"]
    )


def cut_in_a_line(path):
    """A table without the last field of its last line, and without the comma before it."""
    text = path.read_bytes().rstrip()
    return text[: text.rindex(b",")]


@pytest.mark.filterwarnings("ignore:.*is not as it was downloaded", "ignore:.*another time of modification")
def test_damaged_files_are_downloaded_again(empty):
    dl.download("sub-03", ses=["ses-01", "averages"])
    dl.download([], prefix="stimuli/task-images_metadata.csv")
    sub = laion_fmri.load_subject("sub-03")
    (trials,) = empty.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*_trials.tsv")
    images = empty / "stimuli/task-images_metadata.csv"
    (ffa1,) = empty.glob("derivatives/rois/sub-03/face/*res-1pt8_label-FFA1_mask.nii.gz")
    head = trials.read_bytes().splitlines(keepends=True)[0]
    for path, damaged, call in (
        (trials, head + b"cut", lambda: sub.get_trial_info("ses-01")),
        (trials, head, lambda: sub.get_betas("ses-01", roi="FFA1")),
        (images, b"image_name\ncut,cut", lambda: laion_fmri.extract("sub-03", "ses-01", roi="FFA1")),
        (images, cut_in_a_line(images), lambda: sub.metadata),
        (images, cut_in_a_line(images), lambda: sub.get_n_stimuli("shared")),
        (ffa1, ffa1.read_bytes()[:-9], lambda: sub.get_roi_mask("FFA1")),
    ):
        sound = path.read_bytes()
        path.write_bytes(damaged)
        hint = hint_of(call)
        assert hint.startswith("laion_fmri.download.download([], prefix=") and "verify=True" in hint
        assert path.relative_to(empty).as_posix().split("label-")[0] in hint
        exec(hint, {"laion_fmri": laion_fmri})
        assert path.read_bytes() == sound
        call()


def test_damaged_files_that_no_download_brings(own, tmp_path):
    images = own / "stimuli/task-images_stimuli.h5"
    images.write_bytes(b"no HDF5")
    hint = hint_of(lambda: laion_fmri.load_stimuli().images.get(0))
    assert hint == f'import os; os.remove("{images}"); laion_fmri.download_stimuli()'
    mine = tmp_path / "mine.nii.gz"
    mine.write_bytes(b"no image")
    assert hint_of(lambda: laion_fmri.io.load_nifti_mask(mine)) is None


@pytest.mark.filterwarnings("ignore:.*is not as it was downloaded", "ignore:.*another time of modification")
def test_a_table_that_is_cut_in_a_line_is_named(own, tmp_path):
    stimuli = laion_fmri.load_stimuli()
    for name, call in (
        ("task-images_metadata.csv", lambda: stimuli.metadata),
        ("task-images_desc-captions.csv", lambda: stimuli.captions.metadata),
        ("task-images_desc-segmentations_metadata.csv", lambda: stimuli.segmentations.metadata),
    ):
        path = own / "stimuli" / name
        path.write_bytes(cut_in_a_line(path))
        with pytest.raises(laion_fmri.DataIntegrityError, match=name) as raised:
            call()
        assert raised.value.hint.startswith(f'laion_fmri.download.download([], prefix="stimuli/{name}"')
    mine = tmp_path / "mine.tsv"
    for damaged in (b"a\tb\n1\t2\t3\n1\t2\t3\t4\n", b"a\tb\n1\t\xff\n"):
        mine.write_bytes(damaged)
        with pytest.raises(laion_fmri.DataIntegrityError, match="mine.tsv is not readable as a table"):
            laion_fmri.io.load_tsv(mine)


def test_an_empty_table_is_named(own, tmp_path):
    sub, raw = laion_fmri.load_subject("sub-03"), laion_fmri.load_subject("sub-01")
    stimuli = laion_fmri.load_stimuli()
    trials = "derivatives/glmsingle-tedana/sub-03/ses-01/func/sub-03_ses-01_task-images_desc-SingletrialBetas"
    for name, call in (
        (f"{trials}_trials.tsv", lambda: sub.get_trial_info("1")),
        (f"{trials}_trials.tsv", lambda: sub.metadata),
        ("sub-01/ses-01/func/sub-01_ses-01_task-images_run-01_events.tsv", lambda: raw.get_events("01", 1)),
        ("stimuli/task-images_metadata.csv", lambda: stimuli.metadata),
        ("stimuli/task-images_metadata.csv", lambda: sub.get_n_stimuli()),
        ("stimuli/task-images_desc-captions.csv", lambda: stimuli.captions.metadata),
        ("stimuli/task-images_desc-segmentations_metadata.csv", lambda: stimuli.segmentations.metadata),
    ):
        sound = (own / name).read_bytes()
        (own / name).write_bytes(b"")
        with pytest.raises(laion_fmri.DataIntegrityError, match="is empty") as raised:
            call()
        (own / name).write_bytes(sound)
        assert str(own / name) in str(raised.value)
        assert raised.value.hint == f'laion_fmri.download.download([], prefix="{name}", verify=True)'
    (tmp_path / "mine.tsv").write_text("")
    with pytest.raises(laion_fmri.DataIntegrityError, match="mine.tsv is empty") as raised:
        laion_fmri.io.load_tsv(tmp_path / "mine.tsv")
    assert raised.value.hint is None


@pytest.mark.parametrize("subjects", [["sub-03", "sub-01"], "all"])
def test_an_output_for_each_of_several_subjects_is_a_loop(configured, tmp_path, monkeypatch, subjects):
    monkeypatch.chdir(tmp_path)
    for call in (laion_fmri.extract, laion_fmri.plan_extraction):
        with pytest.raises(ValueError, match="got 'DIR/'") as raised:
            call(subjects, roi="FFA1", output="DIR/")
        one, _, loop = raised.value.hint.partition("; or a file for each subject: ")
        assert one.startswith('output="DIR.npz", average="image" ')
        assert hint_of(lambda call=call: call("sub-03", output="DIR/")) == 'output="DIR.npz"'
    if subjects == "all":
        # One of them has no betas in the mirror.
        assert loop.startswith('for name, _ in laion_fmri.load_subjects("all"): ')
        loop = loop.replace('"all"', '["sub-03", "sub-01"]')
    (tmp_path / "DIR").mkdir()
    exec(loop.replace("(name,", '(name, "ses-01", roi="FFA1",'), {"laion_fmri": laion_fmri})
    assert {"sub-01.npz", "sub-03.npz"} < {path.name for path in (tmp_path / "DIR").iterdir()}


def test_values_of_filters_are_texts_or_integers(configured):
    for value, hint in ((1.0, "ses=1"), (1.5, None), ([1, 2.0], "ses=2"), (True, None), (b"1", None)):
        with pytest.raises(TypeError, match="ses must be a string, an integer, or a list of them") as raised:
            dl.download("sub-03", ses=value, dry_run=True)
        assert raised.value.hint == hint


def test_a_subject_object_where_an_id_is_meant(sub):
    for call in (laion_fmri.extract, laion_fmri.plan_extraction):
        assert hint_of(lambda call=call: call(sub, "ses-01")) == 'laion_fmri.extract("sub-03", ...)'
    both = hint_of(lambda: laion_fmri.extract([sub, "sub-01"]))
    assert both == 'laion_fmri.extract(["sub-03", "sub-01"], ...)'
    for call in (laion_fmri.load_subject, dl.download):
        with pytest.raises(TypeError, match="subject must be a string") as raised:
            call(sub)
        assert raised.value.hint == 'subject="sub-03"'


def test_a_data_directory_of_one_subject(configured):
    hint = f'laion_fmri.Subject("sub-03", "{configured}")'
    for call in (
        lambda: laion_fmri.load_subject("sub-03", data_dir=str(configured)),
        lambda: laion_fmri.load_subject("3", data_dir=configured),
        lambda: laion_fmri.load_subject(subject="03", data_dir=configured),
        lambda: laion_fmri.load_subject("sub-03", str(configured)),
        lambda: laion_fmri.load_subject("sub-03", configured),
    ):
        with pytest.raises(TypeError, match="it takes the configured data directory") as raised:
            call()
        assert raised.value.hint == hint
    assert eval(hint).get_sessions() == laion_fmri.load_subject("sub-03").get_sessions()
    with pytest.raises(TypeError, match="positional"):
        laion_fmri.load_subject("sub-03", True)
