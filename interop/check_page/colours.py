"""Colours on the canvas: each is that of the value by the documented rule."""

import numpy as np

from .truth import SESSION

#: Where the brain is clicked on the axial plane; the last one is away from the rows and columns of
#: the others.
POINTS = [
    (0.46, 0.42),
    (0.54, 0.46),
    (0.49, 0.58),
    (0.43, 0.5),
    (0.56, 0.62),
    (0.52, 0.31),
    (0.4, 0.38),
    (0.58, 0.53),
    (0.68, 0.93),
]


def expected_colour(value, table, low, high, threshold):
    """The colour of a value by the documented rule; nothing where it is transparent."""
    if np.isnan(value) or (threshold > 0 and abs(value) < threshold):
        return None
    return table[int(np.clip(np.floor((value - low) / (high - low) * 256), 0, 255))]


def axial(shared, page):
    """One plane at full opacity, and the voxels at the points of it that are clicked."""
    page.page.select_option("#layout", "axial")
    middle = np.argwhere(np.asarray(shared.truth.brain().dataobj) > 0).mean(0).round().astype(int)
    page.move(middle)
    page.slide("#opacity", 1)
    page.page.wait_for_timeout(200)
    voxels = []
    for point in POINTS:
        page.click(*point)
        page.page.wait_for_timeout(120)
        voxels.append(page.voxel()[0])
    page.settle()
    return voxels


def bar_colours(page, name):
    return page.page.evaluate(
        "(name) => fetch('/api/about').then((a) => a.json()).then((a) => a.colormaps[name])", name
    )


def compare(page, voxels, values, name, low, high, threshold):
    pixels, table = page.pixels(), bar_colours(page, name)
    height, width = pixels.shape[:2]
    problems, coloured, compared = [], 0, 0
    for (x, y), voxel in list(zip(POINTS, voxels))[:-1]:
        row, column = int(y * height), int(x * width)
        found, around = pixels[row, column], pixels[row - 3 : row + 4, column - 3 : column + 4]
        if np.ptp(np.ptp(around, axis=2)) > 24:
            # At the edge of a voxel it is a matter of rounding which one a pixel shows.
            continue
        compared += 1
        expected = expected_colour(values[voxel], table, low, high, threshold)
        if expected is None:
            if found.max() - found.min() > 12:
                problems.append(f"voxel {voxel} is {values[voxel]}, but has the colour {found}")
        else:
            coloured += 1
            if np.abs(found - expected).max() > 6:
                problems.append(
                    f"voxel {voxel} is {values[voxel]}: colour {found}, expected {expected}"
                )
    if compared < 4:
        problems.append(f"only {compared} points are away from the edges of voxels")
    return problems, coloured


def colours(shared):
    page = shared.main
    voxels = axial(shared, page)
    values = shared.truth.trial(SESSION, 3)
    page.fill("#range", "2", enter=True)
    page.page.locator("#range").blur()
    page.page.wait_for_timeout(300)
    problems, coloured = compare(page, voxels, values, "blue-red", -2, 2, 0)
    page.picture("axial")
    return problems if coloured >= 3 else [
        *problems, f"only {coloured} of the points have a colour"
    ]


def threshold(shared):
    page = shared.main
    before = page.colourful()
    values = shared.truth.trial(SESSION, 3)
    # Half of the values are smaller.
    threshold = round(float(np.nanmedian(np.abs(values))), 2)
    page.fill("#threshold-number", str(threshold))
    page.page.wait_for_timeout(300)
    voxels = axial(shared, page)
    problems, _ = compare(page, voxels, values, "blue-red", -2, 2, threshold)
    after = page.colourful()
    page.picture("threshold")
    if not after < before * 0.8:
        problems.append(f"{before} pixels had a colour, and {after} have one with the threshold")
    if f"−{threshold:g}" not in page.text("#legend-note"):
        problems.append(page.text("#legend-note"))
    page.fill("#threshold-number", "0")
    return problems
