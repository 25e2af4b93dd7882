"""Outlines of ROIs and the crosshair."""

import numpy as np

from .browser import HEIGHT, WIDTH
from .colours import POINTS


def clusters(points, far):
    """The groups of points that are further than about this from each other."""
    groups = []
    for cell in np.unique(np.asarray(points) // far, axis=0):
        near = [group for group in groups if np.abs(np.array(group) - cell).max(1).min() <= 1]
        groups = [group for group in groups if group not in near] + [[*sum(near, []), tuple(cell)]]
    return groups


def rois(shared):
    page, problems = shared.main, []
    masks = shared.truth.rois()
    for label, mask in list(masks.items())[:3]:
        name = label.replace("-", "")
        before = page.pixels()
        page.fill("#roi", name, enter=True)
        page.page.wait_for_function("() => document.getElementById('roi-state').textContent !== ''")
        page.page.wait_for_timeout(300)
        brain = np.asarray(shared.truth.brain().dataobj) > 0
        voxels = int((mask & brain).sum())
        if page.text("#roi-state") != f"{voxels:,} voxels":
            problems.append(f"{label}: {page.text('#roi-state')!r}, nibabel has {voxels}")
        after = page.pixels()
        if before.shape == after.shape and (before != after).sum() < 50:
            problems.append(f"{label}: no outline on the canvas")
        if not mask[page.voxel()[0]]:
            problems.append(f"{label}: the crosshair did not go there")
        page.picture(f"roi-{label}")
        # Who clicks the brain instead of Enter stays where the click was.
        page.fill("#roi", "", enter=True)
        page.click(0.46, 0.42)
        page.page.wait_for_timeout(200)
        clicked = page.voxel()[0]
        page.page.fill("#roi", name)
        page.click(0.46, 0.42)
        page.page.wait_for_function("() => document.getElementById('roi-state').textContent !== ''")
        page.page.wait_for_timeout(300)
        if page.voxel()[0] != clicked:
            problems.append(
                f"{label}: the crosshair left {clicked}, which was clicked, for {page.voxel()[0]}"
            )
        page.fill("#roi", "", enter=True)
        page.page.wait_for_function("() => document.getElementById('roi-state').textContent === ''")
    page.fill("#roi", "FFA1 | (PPA", enter=True)
    page.page.wait_for_selector("#roi-state.is-error")
    is_invalid = page.page.get_attribute("#roi", "aria-invalid") == "true"
    if not is_invalid or len(page.text("#roi-state")) < 10:
        problems.append(page.text("#roi-state"))
    page.picture("roi-error")
    page.fill("#roi", "", enter=True)
    return problems


def sizes(shared):
    """Three planes stand in a row or on two lines; each has its lines, of one width."""
    page, problems = shared.open(), []
    page.page.select_option("#layout", "planes")
    page.fill("#roi", "FFA1", enter=True)
    page.page.wait_for_function("() => document.getElementById('roi-state').textContent !== ''")
    page.page.wait_for_timeout(300)
    # An outline is a part of each plane, and so is the crosshair, which goes through the ROI.
    counted = """(colour) => {
        const canvas = document.getElementById('outlines')
        const drawing = canvas.getContext('2d')
        const { width, height, data } = drawing.getImageData(0, 0, canvas.width, canvas.height)
        const seen = []
        for (let at = 0; at < width * height; at++)
          if (colour.every((level, channel) => Math.abs(data[4 * at + channel] - level) < 40))
            seen.push([at % width, Math.floor(at / width)])
        return seen
    }"""
    for height in (*range(480, 760, 30), HEIGHT):
        page.page.set_viewport_size({"width": WIDTH, "height": height})
        page.page.wait_for_timeout(250)
        outline = np.array(page.page.evaluate(counted, [127, 255, 212]))
        groups = [] if len(outline) == 0 else clusters(outline, 24)
        if len(groups) != 3:
            problems.append(f"1280 x {height}: outlines on {len(groups)} of 3 planes")
    lengths = []
    for x, y in POINTS:
        page.click(x / 2, y / 2)
        page.page.wait_for_timeout(150)
        lengths.append(len(page.page.evaluate(counted, [255, 217, 51])))
    page.picture("crosshair")
    # The lines are as long and wide wherever they are; at an edge a short piece is left out.
    if not 300 < max(lengths) * 0.9 < min(lengths):
        problems.append(f"the crosshair has {lengths} pixels")
    page.context.close()
    return problems
