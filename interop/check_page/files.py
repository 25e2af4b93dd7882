"""Files that are saved and opened."""

import re

import nibabel
import numpy as np
from PIL import Image

from .colours import POINTS, axial, compare
from .truth import SESSION, SUBJECT


def saved(shared):
    page, problems = shared.main, []
    path = shared.download(page, "#save-map")
    image, values = nibabel.load(path), shared.truth.trial(SESSION, 3)
    if not np.array_equal(np.asarray(image.dataobj), values, equal_nan=True):
        problems.append(f"{path.name}: not the values of the trial")
    if not np.allclose(image.affine, shared.truth.brain().affine, atol=1e-4):
        problems.append(f"{path.name}: affine {image.affine}")
    plain = Image.open(shared.download(page, "#save-picture"))
    page.page.click("#save-menu summary")
    page.page.check("#with-stimulus")
    page.page.click("#save-menu summary")
    whole = Image.open(shared.download(page, "#save-picture"))
    if not (plain.width == whole.width and plain.height + 100 < whole.height):
        problems.append(f"pictures of {plain.size} and {whole.size}")
    if np.asarray(plain.convert("RGB")).std() < 10:
        problems.append("the picture is blank")
    page.page.click("#save-menu summary")
    page.page.click("#copy-command")
    page.page.wait_for_selector("#messages .command code")
    command = page.page.evaluate("() => navigator.clipboard.readText()")
    if not re.match(rf"laion-fmri .*extract .*--subject {SUBJECT}", command):
        problems.append(f"command {command!r}")
    return problems


def own_file(shared):
    page = shared.main
    brain = shared.truth.brain()
    values = np.full(brain.shape, np.nan, np.float32)
    half = brain.shape[0] // 2
    values[half:] = 0
    values[0, 0, 0] = -3
    # Zero inside the brain is a value; programs write it outside, where there is none.
    drawn = np.where((values == 0) & ~(np.asarray(brain.dataobj) > 0), np.nan, values)
    path = shared.out / "own.nii.gz"
    nibabel.save(nibabel.Nifti1Image(values, brain.affine), path)
    before = len(page.requests)
    page.page.set_input_files("#file", str(path))
    page.page.wait_for_function(
        "() => document.getElementById('title').textContent.includes('own.nii.gz')"
    )
    page.page.wait_for_timeout(300)
    sent = [
        request.url
        for request in page.requests[before:]
        if "/api/subjects" in request.url or request.method != "GET"
    ]
    voxels = axial(shared, page)
    problems, coloured = compare(page, voxels, drawn, "blue-red", -3, 3, 0)
    if not 0 < coloured < len(POINTS) - 1:
        problems.append(f"{coloured} of the points are zero, which is not some of them")
    methods = {request.method for request in page.requests}
    if any("own" in url for url in sent) or methods != {"GET"}:
        problems.append(f"the file was sent: {sent}")
    page.picture("own-file")
    # Far from the brain there is a zero, and the page says that it is not drawn.
    outside = np.argwhere((values == 0) & np.isnan(drawn))[-1]
    page.move(outside)
    here, note = page.text("#readout"), page.text("#legend-note")
    if not here.endswith("0, outside the brain") or "zero outside the brain" not in note:
        problems.append(f"{here!r}, {note!r}")
    # What is no map changes nothing that is shown.
    wrong = shared.out / "nc.png"
    wrong.write_bytes(b"\x89PNG" * 200)
    page.page.set_input_files("#file", str(wrong))
    page.page.wait_for_selector("#messages .error")
    shown = page.page.eval_on_selector("#show", "(show) => show.selectedOptions[0].textContent")
    said, title = page.text("#messages .error p"), page.text("#title")
    is_said = "nc.png: the file is not NIfTI" in said
    if not is_said or shown != "own.nii.gz" or "own.nii.gz" not in title:
        problems.append(f"{said!r}, Show has {shown!r}, title {title!r}")
    # Another grid is said.
    other = shared.out / "other.nii.gz"
    nibabel.save(
        nibabel.Nifti1Image(np.ones((5, 6, 7), np.float32), np.diag([4.0, 4, 4, 1])), other
    )
    page.page.set_input_files("#file", str(other))
    page.page.wait_for_function(
        "() => document.getElementById('title').textContent.includes('other.nii.gz')"
    )
    said = " ".join(page.page.locator("#messages .note p").all_inner_texts())
    if "not on the grid of the betas" not in page.text("#title") or "5 x 6 x 7" not in said:
        problems.append(f"{page.text('#title')!r}, {said!r}")
    page.page.select_option("#layout", "planes")
    return problems
