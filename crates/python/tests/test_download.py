"""Downloads from the served bucket, the licence, access to the images, and reading without a mirror."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from conftest import BUCKET, ROOT

import laion_fmri
from laion_fmri import _license, discovery
from laion_fmri import download as dl

pytestmark = pytest.mark.filterwarnings("ignore:.*not released or refused")


def test_a_session_arrives_and_a_second_call_keeps_it(empty):
    assert dl.download("sub-03", ses="ses-01", n_jobs=4) is None
    sub = laion_fmri.load_subject("sub-03")
    assert sub.get_sessions() == ["ses-01"]
    assert sub.get_betas("ses-01", roi="FFA1").shape[0] == 52
    again = dl.download("sub-03", ses="ses-01", dry_run=True)
    assert "refused" not in set(again["action"])
    assert dl.download("sub-03", ses="ses-01") is None
    sound = laion_fmri.verify()
    assert sound["sound"].all() and len(sound) == (again["action"] == "keep").sum()


STOPPED = """
import os, signal, threading, time
from laion_fmri import download as dl

def stop():
    time.sleep(1.5)
    global sent
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=stop).start()
try:
    dl.download("sub-03", ses="ses-01", limit_rate=20_000)
except KeyboardInterrupt:
    print("stopped", time.perf_counter() - sent)
"""


def test_ctrl_c_leaves_nothing_half_written(empty):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOPPED], capture_output=True, text=True, check=True
    )
    what, took = run.stdout.split()
    assert what == "stopped" and float(took) < 0.5
    plan = dl.download("sub-03", ses="ses-01", dry_run=True)
    assert (plan["action"] == "fetch").any()
    for key, path in plan.loc[plan["action"] == "keep", ["key", "path"]].itertuples(index=False):
        assert (empty / path).read_bytes() == (ROOT / key).read_bytes()
    dl.download("sub-03", ses="ses-01", n_jobs=4)
    assert laion_fmri.verify()["sound"].all()


def test_a_dry_run_is_a_table_and_writes_nothing(empty):
    table = dl.download(["sub-03"], ses=["ses-01"], extension=["nii.gz"], dry_run=True)
    assert table.columns.tolist() == ["key", "path", "size", "action", "reason"]
    assert table["key"].str.contains("ses-01").any() and "fetch" in set(table["action"])
    assert not list(empty.glob("derivatives/**/*.nii.gz"))


def test_a_name_that_no_file_can_have_is_refused(empty, tmp_path, monkeypatch):
    bucket = tmp_path / "bucket"
    shutil.copytree(ROOT, bucket)
    rois = "derivatives/rois/sub-03"
    try:
        (bucket / rois / "caf\udcff.tsv").write_text("x")
    except OSError:
        pytest.skip("this file system takes no such name")
    monkeypatch.setenv("LAION_FMRI_BUCKET", bucket.as_uri())
    table = dl.download("sub-03", ses="ses-01", dry_run=True).set_index("key")
    row = table.loc[f"{rois}/caf\ufffd.tsv"]
    assert (row["action"], row["reason"], row["path"], row["size"]) == ("refused", "it is not UTF-8", "", 0)
    with pytest.raises(laion_fmri.TransferError, match="1 file did not arrive") as raised:
        dl.download("sub-03", ses="ses-01")
    assert raised.value.failures == {f"{rois}/caf\ufffd.tsv": "it is not UTF-8"}
    # All others did.
    assert laion_fmri.load_subject("sub-03").get_betas("ses-01", roi="FFA1").shape[0] == 52
    monkeypatch.setenv("LAION_FMRI_BUCKET", BUCKET)
    again = dl.download("sub-03", ses="ses-01", dry_run=True)
    assert "refused" not in set(again["action"])


def test_a_file_of_another_size_says_so(empty):
    dl.download("sub-03", brain_mask_only=True)
    (path,) = empty.glob("derivatives/anatomical/**/*_mask.nii.gz")
    size = path.stat().st_size
    path.write_bytes(b"short")
    table = dl.download("sub-03", brain_mask_only=True, dry_run=True)
    (reason,) = table.loc[table["action"] == "fetch", "reason"]
    assert reason == f"expected {size} bytes, got 5 on disk"


def test_verify_finds_damage(empty):
    dl.download("sub-03", brain_mask_only=True)
    (path,) = empty.glob("derivatives/anatomical/**/*_mask.nii.gz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    call = 'laion_fmri.verify("sub-03", repair=True)'
    with pytest.warns(UserWarning) as caught:
        table = laion_fmri.verify("sub-03")
    said = f"1 file is damaged or missing; {call} downloads it again"
    assert [str(it.message) for it in caught] == [said] and caught[0].filename == __file__
    assert table.loc[~table["sound"], "path"].str.endswith("_mask.nii.gz").all()
    assert (~table["sound"]).sum() == 1
    assert set(table["condition"]) == {"sound", "damaged"}
    assert table.loc[~table["sound"], "detail"].str.contains("expected CRC-32").all()
    dl.download("sub-03", brain_mask_only=True, verify=True)
    assert laion_fmri.verify()["sound"].all()
    path.write_bytes(data)
    repaired = eval(call, {"laion_fmri": laion_fmri})
    assert repaired["sound"].all() and set(repaired["condition"]) == {"sound", "repaired"}
    assert repaired["path"].tolist() == table["path"].tolist()
    assert laion_fmri.verify()["sound"].all()


def test_missing_files_are_downloaded_again(empty, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    dl.download("sub-03", brain_mask_only=True, data_dir=other)
    masks = sorted(other.glob("derivatives/**/*.nii.gz"))
    sizes = [path.stat().st_size for path in masks]
    for path in masks:
        path.unlink()
    call = f"laion_fmri.verify(repair=True, data_dir={json.dumps(str(other))})"
    with pytest.warns(UserWarning) as caught:
        laion_fmri.verify(data_dir=other)
    assert str(caught[0].message) == f"{len(masks)} files are damaged or missing; {call} downloads them again"
    repaired = eval(call, {"laion_fmri": laion_fmri}).set_index("path")
    for path, size in zip(masks, sizes, strict=True):
        row = repaired.loc[path.relative_to(other).as_posix()]
        assert (row["condition"], row["detail"], row["size"]) == ("repaired", "missing", size)
    assert [path.stat().st_size for path in masks] == sizes
    # What the bucket does not have stays as it is.
    masks[0].unlink()
    bucket = tmp_path / "bucket"
    shutil.copytree(ROOT, bucket)
    (bucket / masks[0].relative_to(other)).unlink()
    monkeypatch.setenv("LAION_FMRI_BUCKET", bucket.as_uri())
    with pytest.warns(UserWarning, match="1 file is damaged or missing, and not in the bucket"):
        left = laion_fmri.verify(data_dir=other, repair=True)
    assert left.loc[~left["sound"], "condition"].tolist() == ["missing"]


def test_a_repair_asks_for_the_licence_only_if_there_is_something_to_download(empty, monkeypatch):
    dl.download("sub-03", brain_mask_only=True)
    (path,) = empty.glob("derivatives/anatomical/**/*_mask.nii.gz")
    sound = path.read_bytes()
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    monkeypatch.setattr("sys.stdin", None)
    marker = empty / ".laion_fmri/license_accepted"
    marker.unlink()
    assert laion_fmri.verify(repair=True)["sound"].all()
    with pytest.raises(TypeError, match="accept_license must be True or False"):
        laion_fmri.verify(repair=True, accept_license="no")
    path.write_bytes(b"short")
    with pytest.raises(laion_fmri.LicenseNotAcceptedError):
        laion_fmri.verify(repair=True)
    assert path.read_bytes() == b"short" and not marker.exists()
    assert laion_fmri.verify(repair=True, accept_license=True)["sound"].all()
    assert path.read_bytes() == sound and marker.is_file()


def test_warnings_about_files_name_the_call_that_mends_them(empty):
    dl.download("sub-03", ses=1)
    (trials,) = empty.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*_trials.tsv")
    sound = trials.read_bytes()
    trials.write_bytes(sound.replace(b"shared", b"Shared", 1))
    assert trials.read_bytes() != sound
    with pytest.warns(UserWarning, match=r"is not as it was downloaded; laion_fmri\.verify\(repair=True\) "):
        laion_fmri.load_subject("sub-03").get_trial_info("ses-01")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        laion_fmri.verify(repair=True)
        assert trials.read_bytes() == sound
        laion_fmri.load_subject("sub-03").get_trial_info("ses-01")


def test_the_licence_is_never_accepted_silently(empty, monkeypatch, capsys):
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(laion_fmri.LicenseNotAcceptedError, match="license") as raised:
        dl.download("sub-03", ses="ses-01")
    assert isinstance(raised.value, RuntimeError) and "accept_license" in raised.value.hint
    monkeypatch.setattr(_license, "can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(laion_fmri.LicenseNotAcceptedError):
        dl.accept_license()
    assert "CC0" in capsys.readouterr().err
    answers = iter(["yes", "'i  agree'"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    dl.accept_license()
    monkeypatch.setattr("builtins.input", None)
    dl.accept_licenses()


def test_an_argument_accepts_it(empty, monkeypatch):
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    monkeypatch.setattr("sys.stdin", None)
    dl.download("sub-03", brain_mask_only=True, accept_license=True)
    assert (empty / ".laion_fmri/license_accepted").is_file()


def test_what_the_bucket_does_not_have(empty):
    with pytest.raises(laion_fmri.NoMatchingDataError, match="09") as raised:
        dl.download("sub-03", ses="ses-09", allow_missing=False)
    assert isinstance(raised.value, FileNotFoundError) and "dry_run" in raised.value.hint
    with pytest.warns(UserWarning, match="sub-03 has no session 09"):
        dl.download("sub-03", ses="ses-09", dry_run=True)
    with pytest.raises((laion_fmri.NoMatchingDataError, laion_fmri.SubjectNotFoundError)):
        dl.download("sub-99")
    with pytest.warns(UserWarning, match="SingletrialBetas"):
        table = dl.download("sub-03", ses="ses-01", desc=["SingletrialBetas", "Beta"], dry_run=True)
    assert table["key"].str.contains("SingletrialBetas").any()
    with pytest.raises(laion_fmri.NoMatchingDataError, match="Beta"):
        dl.download("sub-03", ses="ses-01", desc=["SingletrialBetas", "Beta"], allow_missing=False)
    with pytest.raises(TypeError, match="string"):
        dl.download(3)
    with pytest.raises(laion_fmri.SubjectNotFoundError):
        dl.download("sub-")
    with pytest.raises(TypeError, match="n_jobs"):
        dl.download("sub-03", n_jobs="4")
    with pytest.warns(UserWarning, match="n_jobs"):
        dl.download("sub-03", brain_mask_only=True, n_jobs=0)


def test_withheld_files_are_a_warning(empty):
    with pytest.warns(UserWarning, match="not released or refused"):
        dl.download("sub-03", ses=["ses-01", "ses-31"], suffix="trials", extension="tsv")


def has_files(folder):
    return any(path.is_file() for path in folder.rglob("*"))


def test_another_data_directory_than_the_configured_one(empty, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert dl.download("sub-03", brain_mask_only=True, data_dir=other) is None
    assert dl.download_raw("sub-01", ses=1, suffix="events", extension="tsv", data_dir=str(other)) is None
    assert list(other.glob("derivatives/anatomical/**/*_mask.nii.gz"))
    assert list(other.glob("sub-01/**/*_events.tsv"))
    kept = dl.download("sub-03", brain_mask_only=True, data_dir=other, dry_run=True)
    assert set(kept["action"]) == {"keep"}
    fetched = dl.download("sub-03", brain_mask_only=True, include_stimuli=True, data_dir=other, dry_run=True)
    assert len(fetched) > len(kept)
    assert not has_files(empty)


def test_the_licence_of_another_data_directory(empty, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    dl.accept_license(data_dir=other)
    dl.accept_licenses(data_dir=other)
    assert (other / ".laion_fmri/license_accepted").is_file() and not has_files(empty)


def test_derived_files_return_their_paths(empty):
    path = laion_fmri.download_embeddings("CLIP")["CLIP"]
    assert path.is_file() and path.parent == empty / "stimuli"
    assert laion_fmri.download_captions().is_file()
    assert {name: path.is_file() for name, path in dl.download_segmentations().items()} == {
        "h5": True,
        "metadata": True,
    }
    with pytest.raises(ValueError, match="CLIP"):
        laion_fmri.download_embeddings("VGG")
    assert laion_fmri.load_embeddings("CLIP")["CLIP"].shape[1] > 0


def test_raw_data(empty):
    table = dl.download_raw("sub-01", ses="ses-01", run=1, suffix="events", dry_run=True)
    assert table["key"].str.endswith("_events.tsv").any()
    for run in ("1", "01", "run-1", "run-01", [1]):
        again = dl.download_raw("sub-01", ses="ses-01", run=run, suffix="events", dry_run=True)
        assert again.equals(table), run
    assert dl.download_raw("sub-01", ses="ses-01", suffix="events", extension="tsv") is None
    assert len(laion_fmri.load_subject("sub-01").get_events("ses-01")) > 0


def test_images_need_access_and_arrive_with_it(empty, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.delenv("LAION_FMRI_REQUEST_ID")
    with pytest.raises(laion_fmri.AccessServiceError) as raised:
        laion_fmri.download_stimuli()
    assert "request_stimulus_access" in raised.value.hint
    with pytest.raises(laion_fmri.StimuliNotDownloadedError):
        laion_fmri.load_stimuli()
    monkeypatch.setenv("LAION_FMRI_REQUEST_ID", "lfm_demo")
    paths = laion_fmri.download_stimuli()
    assert set(paths) >= {"task-images_stimuli.h5", "task-images_metadata.csv"}
    assert all(path.is_file() for path in paths.values())
    assert len(laion_fmri.load_stimuli().images) > 0
    dl.download("sub-03", brain_mask_only=True, include_stimuli=True)


def test_the_form_is_filled_in_by_answers_or_questions(empty, monkeypatch, user):
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.delenv("LAION_FMRI_REQUEST_ID")
    with pytest.raises(laion_fmri.AccessServiceError, match="terms"):
        laion_fmri.request_stimulus_access()
    from laion_fmri import _native, _stimulus_access

    version, *_ = _native.access_terms(None)
    answers = {
        "name": "A Person",
        "email": "person@university.edu",
        "institution": "A University",
        "purpose": "Encoding models of the visual system",
        "accept_terms": version,
    }
    granted = laion_fmri.request_stimulus_access(answers=answers)
    assert granted["request_id"]
    assert (user / ".cache/laion-fmri/auth.json").is_file()
    with pytest.raises(laion_fmri.AccessServiceError, match="purpose"):
        laion_fmri.request_stimulus_access(answers=answers | {"purpose": "short"})
    typed = "agree|I AGREE|A Person|person|person@university.edu|A University||short|" + "x" * 30
    replies = iter(typed.split("|"))
    monkeypatch.setattr(_stimulus_access, "can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: next(replies))
    assert laion_fmri.request_stimulus_access()["request_id"]
    assert next(replies, None) is None
    with pytest.raises(ValueError, match="no field nickname"):
        laion_fmri.request_stimulus_access(answers=answers | {"nickname": "P"})


def test_access_to_the_images_is_looked_at_first(empty, monkeypatch):
    monkeypatch.delenv("LAION_FMRI_REQUEST_ID")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(laion_fmri.AccessServiceError):
        dl.download("sub-03", brain_mask_only=True, include_stimuli=True)
    assert not (empty / "derivatives").exists()


def test_an_unreachable_bucket_is_a_transfer_error(empty, monkeypatch):
    monkeypatch.setenv("LAION_FMRI_OFFLINE", "1")
    with pytest.raises(RuntimeError, match="offline"):
        dl.download("sub-03", ses="ses-01")
    monkeypatch.delenv("LAION_FMRI_OFFLINE")
    monkeypatch.setenv("LAION_FMRI_BUCKET", "not a bucket")
    with pytest.raises(ValueError):
        dl.download("sub-03", ses="ses-01")


def test_discovery(empty, capsys):
    assert discovery.get_subjects() == ["sub-01", "sub-03", "sub-05"]
    assert "FFA1" in discovery.get_rois("sub-03")
    assert discovery.get_rois("sub-03", category="place")
    with pytest.warns(UserWarning, match="sub-03 has no ROI of the category 'none'; categories: .*face"):
        assert discovery.get_rois("sub-03", category="none") == []
    discovery.describe()
    out = capsys.readouterr().out
    assert "Subjects:  3 (sub-01, sub-03, sub-05)" in out and "ROIs:" in out
    discovery.inspect_bucket()
    assert "derivatives/glmsingle-tedana/" in capsys.readouterr().out


def test_a_subject_straight_from_the_bucket(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("LAION_FMRI_BUCKET", BUCKET)
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(laion_fmri.LicenseNotAcceptedError):
        laion_fmri.load_subject("sub-03", from_bucket=True)
    far = laion_fmri.load_subject("sub-03", from_bucket=True, accept_license=True)
    near = laion_fmri.Subject("sub-03", mirror)
    assert far.get_sessions() == near.get_sessions()
    got = far.get_betas("ses-01", roi="FFA1")
    assert got.tobytes() == near.get_betas("ses-01", roi="FFA1").tobytes()
    assert far.get_trial_info("ses-01").equals(near.get_trial_info("ses-01"))
    assert "bucket" in repr(far)
    with pytest.raises(laion_fmri.SubjectNotFoundError):
        laion_fmri.load_subject("sub-99", from_bucket=True)
    # The lists of docs/src/python.md.
    assert far.metadata.equals(near.metadata) and far.get_n_stimuli() == near.get_n_stimuli()
    assert far.captions.list(0) == near.captions.list(0)
    assert far.segmentations.nouns(0) == near.segmentations.nouns(0)
    assert list(far.get_roi_data("FFA1")["FFA1"]) == list(near.get_roi_data("FFA1")["FFA1"])
    for needs_a_copy in (
        far.get_t1w,
        far.get_t2w,
        far.get_anatomical_brain_mask,
        far.get_anatomical_dir,
        far.get_freesurfer_dir,
        lambda: far.get_raw_bold("ses-01", 1, 1),
        lambda: far.get_sbref("ses-01", 1, 1),
        lambda: far.images.get(0),
        lambda: far.embeddings.get("CLIP", 0),
    ):
        with pytest.raises(FileNotFoundError):
            needs_a_copy()


def _sessions(subject):
    return subject.get_sessions(), subject.get_betas("ses-01", roi="FFA1").shape


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_reads_the_bucket_too(monkeypatch):
    import multiprocessing

    monkeypatch.setenv("LAION_FMRI_BUCKET", BUCKET)
    far = laion_fmri.load_subject("sub-03", from_bucket=True, accept_license=True)
    expected = _sessions(far)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_sessions, [far] * 2).get(60) == [expected] * 2


def test_the_first_block_of_the_readme_runs_as_a_script(empty, monkeypatch):
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    monkeypatch.setattr("sys.stdin", None)
    text = (Path(__file__).parents[1] / "README.md").read_text()
    block = text.split("```python\n")[1].split("```")[0]
    names: dict = {}
    exec(block.replace("/data/laion-fmri", str(empty)), names)
    assert names["betas"].shape[0] == len(names["trials"]) == len(names["clip"])


class StdinNotImplementedError(NotImplementedError):
    """As that of IPython, which a notebook without a person raises."""


@pytest.mark.parametrize("error", [EOFError, StdinNotImplementedError])
def test_nobody_answers(empty, monkeypatch, error):
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    monkeypatch.setattr(_license, "can_ask", lambda: True)

    def refuse(question):
        raise error

    monkeypatch.setattr("builtins.input", refuse)
    with pytest.raises(laion_fmri.LicenseNotAcceptedError) as raised:
        dl.download("sub-03", brain_mask_only=True)
    assert "accept_license=True" in raised.value.hint
    monkeypatch.setattr("laion_fmri._stimulus_access.can_ask", lambda: True)
    with pytest.raises(dl.AccessServiceError):
        dl.request_stimulus_access()
    version = laion_fmri._native.access_terms(None)[0]
    with pytest.raises(dl.AccessServiceError, match="name is missing") as raised:
        dl.request_stimulus_access(answers={"accept_terms": version})
    assert "answers=" in raised.value.hint


def test_a_wrong_answer_is_said_to_be_one(empty, monkeypatch, capsys):
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    monkeypatch.setattr(_license, "can_ask", lambda: True)
    replies = iter(["y", "i agree"])
    monkeypatch.setattr("builtins.input", lambda _: next(replies))
    dl.accept_license()
    assert capsys.readouterr().err.count("neither I AGREE nor an empty answer") == 1


def test_the_hint_of_the_access_form_has_every_answer(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    terms = ("2026-09", "https://example.org/terms", "https://example.org/privacy")
    monkeypatch.setattr("laion_fmri._native.access_terms", lambda url: terms)
    form = '{"accept_terms": "2026-09", "name": ..., "email": ..., "institution": ..., "purpose": ...}'
    for answers in (None, {"name": "A Person"}, {"accept_terms": "2026-09"}, {"accept_terms": True}):
        with pytest.raises(laion_fmri.AccessServiceError) as raised:
            laion_fmri.request_stimulus_access(answers=answers)
        assert f"answers={form}" in raised.value.hint
        wrong = "accept_terms must be their version, '2026-09', got True" in str(raised.value)
        assert wrong == (answers == {"accept_terms": True})
