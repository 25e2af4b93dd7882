"""The notebooks of `docs/notebooks`, executed on the fixture bucket."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "notebooks"

#: What the last words of each notebook are, and the mark of the environment that it needs.
NOTEBOOKS = {
    "quickstart": (r"median noise ceiling of FFA1: \d+\.\d %", "notebook"),
    "common_workflow": (r"trials show '.+'; mean response -?\d", "notebook"),
    "encoding_model": (r"[1-9]\d* voxels written; median normalised score \d", "notebook"),
    "shared_images": (r"[1-9]\d* images, [1-9]\d* pairs", "notebook"),
    "replication": (r"of 4 tests have p <", "notebook"),
    "torch_training": (r"test loss \d+\.\d+ on [1-9]\d* trials", "torch"),
    "xarray_and_dask": (r"mean response: first -?\d+\.\d+, later -?\d", "notebook"),
}

#: Those that download what they need; the others start from what is on disk.
FROM_NOTHING = {"quickstart", "encoding_model", "shared_images", "replication"}


def source(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def test_every_notebook_is_executed_somewhere():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_stored_without_outputs(name):
    notebook = source(name)
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=getattr(pytest.mark, mark)) for name, (_, mark) in NOTEBOOKS.items()]
)
@pytest.mark.filterwarnings("ignore")
def test_notebook(name, request, tmp_path):
    flag = "--torch" if name.startswith("torch") else "--notebooks"
    reason = f"what it needs is not installed; `cargo xtask python {flag}` executes it"
    for module in ["nbclient", "ipykernel", *(["torch"] if flag == "--torch" else ["matplotlib", "xarray", "zarr", "dask"])]:
        pytest.importorskip(module, reason=reason)
    import nbclient
    import nbformat

    request.getfixturevalue("empty" if name in FROM_NOTHING else "configured")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            texts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    assert re.search(NOTEBOOKS[name][0], "\n".join(texts)), texts


#: Changes that the text of a notebook offers for a first try, or for a run that stores nothing.
OFFERED = {
    "one session": [
        ('"mask"], n_jobs=8)', '"mask"], ses=["ses-01", "averages"], n_jobs=8)'),
        ("    SUBJECT,\n", '    SUBJECT,\n    session="ses-01",\n'),
    ],
    "from the bucket": [
        ('laion_fmri.download.download(SUBJECT, suffix=["statmap", "trials", "mask"], n_jobs=8)\n', ""),
        ("    SUBJECT,\n", "    SUBJECT,\n    from_bucket=True,\n"),
        ("load_subject(SUBJECT)", "load_subject(SUBJECT, from_bucket=True)"),
    ],
}


@pytest.mark.notebook
@pytest.mark.parametrize("offer", OFFERED)
@pytest.mark.filterwarnings("ignore")
def test_what_the_encoding_model_offers(offer, empty, tmp_path, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib", reason="draws its figure")
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    cells = source("encoding_model")["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for old, new in OFFERED[offer]:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    exec(compile(code, "encoding_model", "exec"), {})
    assert re.search(r"[1-9]\d* voxels written", capsys.readouterr().out)
    if offer == "from the bucket":
        assert not list(empty.glob("derivatives/glmsingle-tedana/**/*.nii.gz"))
