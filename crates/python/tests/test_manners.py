"""Threads, processes, signals, pickles, progress, warnings, logs and the time that an import takes."""

from __future__ import annotations

import copy
import gzip
import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import laion_fmri
from laion_fmri import Subject, _errors, _native, _progress


def test_the_import_is_quick_and_brings_neither_pandas_nor_torch():
    code = (
        "import time, sys; start = time.process_time(); import laion_fmri; "
        "took = time.process_time() - start; "
        "print(took, *(name in sys.modules for name in ('pandas', 'torch', 'PIL', 'tqdm')))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    answers = [run.stdout.split() for run in runs]
    assert all(rest == ["False"] * 4 for _, *rest in answers)
    assert min(float(took) for took, *_ in answers) < 0.4


BARE = """
import importlib.abc, importlib.metadata, sys
needed = {"numpy", "pandas", "PIL", "laion_fmri", "dateutil", "six", "pytz", "tzdata", "typing_extensions"}
names = importlib.metadata.packages_distributions()

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in names and top not in needed:
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Refuse())
import laion_fmri
laion_fmri.dataset_initialize(sys.argv[1])
sub = laion_fmri.load_subject("sub-03")
sub.get_betas("ses-01", roi="FFA1")
sub.metadata
sub.images.get(0).size
sub.embeddings.all("CLIP")
sub.captions.list(0)
laion_fmri.extract("sub-03", "ses-01", roi="FFA1")
laion_fmri.splits.get_split_masks(sub.get_trial_info("ses-01"), "tau", "shared")
"""


def test_numpy_pandas_and_pillow_are_enough(mirror):
    run = subprocess.run([sys.executable, "-c", BARE, str(mirror)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_package_says_what_it_is():
    assert laion_fmri.__implementation__ == "rust"
    assert laion_fmri.__version__ == _native.VERSION
    for name in laion_fmri.__all__:
        assert getattr(laion_fmri, name) is not None


@pytest.mark.parametrize("name", _errors.__all__)
def test_exceptions_pickle_with_their_hint(name):
    error = _errors._build(name, "what happened", "what helps", {})
    assert str(error) == "what happened\n  hint: what helps"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and again.hint == "what helps"
    assert type(error).__module__ == "laion_fmri._errors"


def test_details_of_exceptions():
    details = {"accept_url": "https://a.example", "terms_version": "2"}
    error = _errors._build("TermsOutdatedError", "changed", None, details)
    assert (error.accept_url, error.terms_version, str(error)) == (
        "https://a.example",
        "2",
        "changed",
    )
    error = _errors._build("OSError", "/x: cannot write", None, {"errno": 13})
    assert isinstance(error, PermissionError) and error.errno == 13 and "permissions" in str(error)
    assert isinstance(_errors._build("KeyboardInterrupt", "", None, {}), KeyboardInterrupt)


def test_handles_pickle_by_path_and_id(sub, configured):
    for value in (
        sub,
        laion_fmri.load_stimuli(),
        laion_fmri.load_embeddings("CLIP"),
        laion_fmri.Captions(),
        laion_fmri.Segmentations(),
        laion_fmri.load_subjects(["sub-01", "sub-03"]),
    ):
        again = pickle.loads(pickle.dumps(value))
        assert type(again) is type(value) and repr(again) == repr(value)
    assert copy.deepcopy(sub) == sub
    assert pickle.loads(pickle.dumps(sub)).get_sessions() == sub.get_sessions()


def _face(subject):
    return subject.get_betas("ses-01", roi="FFA1").sum()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_processes_read_too(sub, method):
    expected = _face(sub)
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        for got in pool.map(_face, [sub] * 4):
            assert got == expected or (np.isnan(got) and np.isnan(expected))


def test_threads_share_a_handle(sub):
    expected = sub.get_betas("ses-01", roi="FFA1")
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(lambda _: sub.get_betas("ses-01", roi="FFA1"), range(32)):
            assert got.tobytes() == expected.tobytes()


@pytest.fixture(scope="module")
def large(mirror, tmp_path_factory):
    """A subject whose sessions take seconds to inflate."""
    import nibabel as nib

    folder = tmp_path_factory.mktemp("large")
    source = mirror / "derivatives"
    glm = folder / "derivatives/glmsingle-tedana/sub-03/ses-01/func"
    glm.mkdir(parents=True)
    os.symlink(source / "anatomical", folder / "derivatives/anatomical")
    (path,) = source.glob("glmsingle-tedana/sub-03/ses-01/func/*SingletrialBetas_statmap.nii.gz")
    image = nib.load(path)
    header = image.header.copy()
    volumes = 1 + 700_000_000 // (int(np.prod(image.shape[:3])) * 4)
    volumes = min(volumes, 32_000)
    header.set_data_shape((*image.shape[:3], volumes))
    header.set_data_dtype(np.float32)
    volume = np.zeros(int(np.prod(image.shape[:3])), dtype="<f4")
    volume[::3] = 1.5
    with gzip.open(glm / path.name, "wb", compresslevel=1) as file:
        header["magic"], header["vox_offset"] = b"n+1", 352
        file.write(header.binaryblock + b"\0\0\0\0")
        block = volume.tobytes()
        for _ in range(volumes):
            file.write(block)
    for number in range(2, 9):
        other = glm.parents[1] / f"ses-0{number}" / "func"
        other.mkdir(parents=True)
        os.link(glm / path.name, other / path.name.replace("ses-01", f"ses-0{number}"))
    return folder


LONG = """
import os, sys, threading, time, signal
import laion_fmri
sub = laion_fmri.Subject("sub-03", sys.argv[1], jobs=1)
sub.get_n_voxels()
def stop():
    time.sleep(0.4)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=stop).start()
start = time.perf_counter()
try:
    sub.get_betas(sub.get_sessions(), trials=[0])
except KeyboardInterrupt:
    print("stopped", time.perf_counter() - start - 0.4)
else:
    print("finished", time.perf_counter() - start)
print(sub.get_n_voxels() > 0)
"""


def test_ctrl_c_ends_a_long_call_within_half_a_second(large):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LONG, str(large)],
        capture_output=True,
        text=True,
        check=True,
    )
    (what, took), (usable,) = (line.split() for line in run.stdout.splitlines())
    assert what == "stopped", run.stdout
    assert float(took) < 0.5 and usable == "True"


def test_a_callable_is_told_and_can_stop_a_call(sub, large):
    told = []
    sub.get_betas(["ses-01", "ses-02"], progress=lambda *counts: told.append(counts))
    assert told and told[-1][0] == told[-1][1] == 98 and told[-1][2] == "volumes"

    def refuse(done, total, unit):
        raise RuntimeError("enough")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="enough"):
            Subject("sub-03", large, jobs=1).get_betas("ses-01", trials=[0], progress=refuse)


def test_bars_only_when_asked(sub, capfd, monkeypatch):
    sub.get_betas("ses-01")
    assert capfd.readouterr().err == ""
    sub.get_betas("ses-01", progress=True)
    assert "volumes" in capfd.readouterr().err
    monkeypatch.setattr(_progress, "is_interactive", lambda: True)
    sub.get_betas("ses-01", progress=False)
    assert capfd.readouterr().err == ""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    sub.get_betas("ses-01")
    with pytest.raises(ImportError, match="tqdm"):
        sub.get_betas("ses-01", progress=True)


def test_the_gil_is_free_while_reading(large):
    ticks = 0
    done = threading.Event()

    def tick():
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    subject = Subject("sub-03", large, jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        thread.start()
        start = time.perf_counter()
        subject.get_betas(["ses-01", "ses-02"], trials=[0])
        took = time.perf_counter() - start
        done.set()
        thread.join()
    # A busy machine gives each thread less, but not nothing.
    assert ticks > took / 0.005 / 20


def test_notes_become_warnings_and_log_records(sub, mirror, tmp_path, caplog):
    with pytest.warns(UserWarning) as caught:
        sub.get_betas("ses-01", nc_threshold=0.5)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            sub.get_betas("ses-01", nc_threshold=0.5)
    with caplog.at_level(logging.DEBUG, logger="laion_fmri"):
        assert _native.zscore(np.zeros((2, 2), dtype=np.float32), [0, 0], 0, False, None)


def test_a_panic_is_an_ordinary_exception(capfd):
    with pytest.raises(RuntimeError, match="internal error of laion_fmri: on purpose") as raised:
        _native._panic()
    assert isinstance(raised.value, _errors.InternalError)


def _distribution(folder, name, *modules):
    """What an installation leaves in a folder: the package, and a record of its files."""
    package = folder / "laion_fmri"
    package.mkdir(exist_ok=True)
    for module in modules:
        (package / module).write_text("")
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "RECORD").write_text("".join(f"laion_fmri/{module},,\n" for module in modules))
    return package


def test_another_package_in_a_folder_of_its_own_is_told_about(monkeypatch, tmp_path):
    from laion_fmri import _installed

    _installed.check()
    _distribution(tmp_path, "laion-fmri", "__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.warns(UserWarning, match="is installed too, in .*; .*: pip uninstall laion-fmri$"):
        _installed.check()


def test_files_of_another_package_are_told_about(monkeypatch, tmp_path):
    from laion_fmri import _installed

    package = _distribution(tmp_path, "laion-fmri-rs", "__init__.py", "brain.py")
    monkeypatch.setattr(_installed, "_PACKAGE", package)
    monkeypatch.syspath_prepend(str(tmp_path))
    _installed.check()
    (package / "of_another.py").write_text("")
    with pytest.warns(UserWarning, match="another package has files in .*: of_another.py; to mend it: pip"):
        _installed.check()


def test_both_distributions_in_one_folder_are_told_about(monkeypatch, tmp_path):
    from laion_fmri import _installed

    package = _distribution(tmp_path, "laion-fmri-rs", "__init__.py")
    _distribution(tmp_path, "laion-fmri", "__init__.py")
    monkeypatch.setattr(_installed, "_PACKAGE", package)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.warns(UserWarning, match="each overwrites files of the other; .*pip uninstall"):
        _installed.check()


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="no signals here")
def test_the_command_runs_in_this_process(capfd):
    from laion_fmri._cli import main

    before = signal.getsignal(signal.SIGINT)
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"laion-fmri {laion_fmri.__version__}\n"
    assert main([]) == 0
    assert "Usage" in capfd.readouterr().out
    assert main(["splits", "list", "--pool", "none"]) == 2
    assert "none" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
    assert sys.exit is not None


def test_the_console_script_is_the_command(configured):
    script = os.path.join(os.path.dirname(sys.executable), "laion-fmri")
    for command in ([script], [sys.executable, "-m", "laion_fmri"]):
        run = subprocess.run([*command, "sessions", "--subject", "sub-03"], capture_output=True, text=True)
        assert (run.returncode, run.stdout.split()) == (0, ["ses-01", "ses-02"]), run.stderr
    run = subprocess.run([script, "sessions", "--subject", "sub-99"], capture_output=True)
    assert run.returncode in (2, 3) and b"hint: the dataset has sub-01, " in run.stderr


def test_datasets_for_torch_say_that_they_need_it(sub, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "laion_fmri.torch_data", raising=False)
    with pytest.raises(ImportError, match="torch"):
        sub.to_torch_dataset("ses-01")


def test_numpy_comes_with_the_package():
    # Its import in a first call could be interrupted, and half of it would stay.
    code = "import laion_fmri, sys; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"


def test_a_notebook_has_a_bar_only_when_asked(sub, capfd, monkeypatch):
    monkeypatch.setattr(_progress, "is_notebook", lambda: True)
    sub.get_betas("ses-01", roi="FFA1")
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(_progress, "is_notebook", lambda: False)
    monkeypatch.setattr(_progress, "is_interactive", lambda: True)
    pytest.importorskip("tqdm", reason="makes the bars")
    sub.get_betas("ses-01", roi="FFA1")
    assert "volumes" in capfd.readouterr().err


def test_one_session_is_singular(sub, monkeypatch):
    assert "2 sessions (ses-01 to ses-02), " in repr(sub)

    class One:
        def sessions(self):
            return ["ses-01"]

        def rois(self, category):
            return ["FFA1"]

        has_anatomical = has_freesurfer = has_stimuli = lambda self: False

    monkeypatch.setattr(sub, "_handle", One)
    assert repr(sub).endswith(": 1 session (ses-01), 1 ROI")


def test_tab_completion_and_short_reprs(configured):
    import importlib
    import pkgutil

    modules = [it.name for it in pkgutil.iter_modules(laion_fmri.__path__) if it.name[0] != "_"]
    for name in modules:
        if name != "torch_data":
            module = importlib.import_module(f"laion_fmri.{name}")
            assert dir(module) == sorted(module.__all__)
    assert laion_fmri.load_subjects(["sub-03"])._ipython_key_completions_() == ["sub-03"]
    assert laion_fmri.load_embeddings("CLIP")._ipython_key_completions_() == ["CLIP"]
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1")
    assert "betas" in made._ipython_key_completions_()
    split = laion_fmri.splits.load_split("tau", "shared")
    sizes = f"{split.n_train} for training, {split.n_test} for testing"
    assert repr(split) == f"<Split tau of shared, r1: {sizes}>"
    assert repr(split.variants) == f"[<SplitVariant 0: {sizes}>]"
    stimuli = laion_fmri.load_stimuli()
    assert repr(stimuli).endswith(f": {len(stimuli.images)} images, CLIP, DINOv2, PEcore, SigLIP2")


def test_the_widget_of_a_bar_grows_with_its_total(monkeypatch):
    from types import SimpleNamespace

    widget, label = SimpleNamespace(max=10), SimpleNamespace(value="")

    class Bar:
        def __init__(self, total, **_):
            self.total, self.n = total, 0
            self.container = SimpleNamespace(children=(label, widget))

        def update(self, more):
            self.n += more

        def close(self):
            pass

    monkeypatch.setattr(_progress, "_tqdm", lambda required: Bar)
    with _progress.shown(True, "sub-03") as update:
        update(3, 10, "volumes")
        update(5, 20, "volumes")
        assert widget.max == 20 and not hasattr(label, "max")
