"""The inflated cortex beside the planes."""

import re

import numpy as np
from PIL import Image

from .colours import bar_colours


def surface(shared):
    page, problems = shared.main, []
    page.page.select_option("#layout", "surface")
    page.page.wait_for_selector("#surface-frame[data-drawn]", timeout=60_000)
    page.page.wait_for_timeout(500)
    box = page.page.locator("#surface").bounding_box()
    left = int(box["x"] - page.page.locator("#screen").bounding_box()["x"])

    def coloured():
        pixels = page.pixels()[:, left:]
        return int(((pixels.max(2) - pixels.min(2)) > 24).sum()), int((pixels.max(2) > 60).sum())

    before, inside = coloured()
    page.picture("surface")
    # A value has the colour of the bar, on the side of the light and on the other one.
    show = page.page.eval_on_selector(
        "#show", "(show) => [show.value, show.options[show.options.length - 2].value]"
    )
    page.page.select_option("#show", show[1])
    page.slide("#opacity", 1)
    page.drawn()
    page.page.wait_for_timeout(1500)
    pixels = page.pixels()[:, left:].reshape(-1, 3)
    pixels = pixels[pixels.max(1) - pixels.min(1) > 24][::7]
    far = np.abs(pixels[:, None] - np.array(bar_colours(page, "viridis"))).max(2).min(1)
    if len(pixels) < 100 or np.quantile(far, 0.9) > 12:
        problems.append(
            f"of {len(pixels)} pixels, a tenth is further than {np.quantile(far, 0.9)}"
            " from the colours of the bar"
        )
    letters = {
        letter.inner_text(): letter.bounding_box()["x"]
        for letter in page.page.locator("#surface-frame .side").all()
    }
    if not (list(letters) == ["L", "R"] and letters["L"] < letters["R"]):
        problems.append(f"letters at {letters}")
    page.page.select_option("#show", show[0])
    page.page.wait_for_timeout(1500)
    page.fill("#threshold-number", "1000")
    page.page.wait_for_timeout(500)
    after, still = coloured()
    page.fill("#threshold-number", "0")
    if not (before > 500 and after < 50 and still > 0.5 * inside > 500):
        problems.append(
            f"{before} of {inside} pixels have a colour, and {after} of {still} above a threshold"
            " that nothing reaches"
        )
    page.page.select_option("#layout", "axial")
    return problems


def shown(shared):
    """The page with the surface on the screen, drawn and at rest."""
    page = shared.main
    page.page.select_option("#layout", "surface")
    page.page.wait_for_selector("#surface-frame[data-drawn]", timeout=60_000)
    page.page.wait_for_timeout(1500)
    return page


def different(one, other):
    """How many pixels of two pictures are not the same."""
    return int((np.abs(one - other).max(2) > 24).sum())


def turned(shared):
    page, problems = shown(shared), []
    # The way of somebody without a mouse.
    page.page.locator("#layout").focus()
    for _ in range(12):
        page.page.keyboard.press("Tab")
        if page.page.evaluate("() => document.activeElement.id") == "surface":
            break
    outline = page.page.evaluate(
        "() => { const style = getComputedStyle(document.activeElement);"
        " return [document.activeElement.id, style.outlineStyle, parseFloat(style.outlineWidth)] }"
    )
    if outline[0] != "surface" or outline[1] == "none" or outline[2] < 2:
        problems.append(f"the focus is at {outline}")
    label = page.page.get_attribute("#surface", "aria-label")
    if not all(word in label for word in ("Arrow keys", "zoom", "reset")):
        problems.append(f"label {label!r}")
    address, first = page.page.evaluate("() => location.hash"), page.pixels("#surface")
    before = first
    for key in ("ArrowRight", "ArrowDown", "+", "ArrowLeft", "ArrowUp", "-", "+"):
        page.page.keyboard.press(key)
        page.page.wait_for_timeout(500)
        after = page.pixels("#surface")
        if different(before, after) < 300:
            problems.append(f"{key} changes {different(before, after)} pixels")
        before = after
    page.picture("surface-turned")
    page.page.keyboard.press("0")
    page.page.wait_for_timeout(500)
    back = page.pixels("#surface")
    if different(before, back) < 300 or different(first, back) > 100:
        problems.append(f"0 leaves {different(first, back)} pixels of the first look")
    if page.page.evaluate("() => location.hash") != address:
        problems.append(f"keys of the surface have changed {address}")
    # The keys of the page still act.
    place = page.voxel()[0]
    page.page.keyboard.press("Shift+ArrowRight")
    page.page.wait_for_timeout(300)
    if page.voxel()[0] == place:
        problems.append("Shift and right does not move the crosshair")
    page.page.keyboard.press("Escape")
    if page.page.evaluate("() => document.activeElement.id") == "surface":
        problems.append("Escape does not leave the surface")
    page.page.select_option("#layout", "axial")
    return problems


def saved(shared):
    """The saved picture has the surface where the screen has it, beside the slices."""
    page, problems = shown(shared), []
    screen = page.pixels("#surface")
    height, width = screen.shape[:2]
    left = page.page.locator("#brain").evaluate("(canvas) => canvas.width")
    path = shared.download(page, "#save-picture")
    whole = np.asarray(Image.open(path).convert("RGB")).astype(int)
    if whole.shape[1] < left + width - 2 or whole.shape[0] < height + 90:
        problems.append(f"the picture has the shape {whole.shape}")
    # Below the title.
    part = whole[34 : 34 + height, left : left + width]
    bright = int((part.max(2) > 60).sum())
    screen = screen[: part.shape[0], : part.shape[1]]
    far = different(part, screen)
    if bright < 500 or far > 0.05 * part.shape[0] * part.shape[1]:
        problems.append(f"{bright} pixels are not of the background, {far} not of the screen")
    colourful = int(((part.max(2) - part.min(2)) > 24).sum())
    if colourful < 500:
        problems.append(f"{colourful} pixels of the surface have a colour")
    page.page.select_option("#layout", "axial")
    return problems


def interrupted(shared):
    """A map that is chosen again while another one is read is drawn from its own values."""
    page, problems, held = shown(shared), [], []
    before, address = page.pixels("#surface"), page.page.evaluate("() => location.hash")
    other = page.page.eval_on_selector(
        "#show", "(show) => show.options[show.options.length - 2].value"
    )
    # The values of the other map arrive; the ROI that was chosen with it does not.
    of_roi = re.compile(r"/surfaces/./map\.gii\?roi=")
    page.page.route(of_roi, lambda route: held.append(route))
    with page.page.expect_request(of_roi):
        page.page.evaluate(
            "(show) => { const [path, asked] = location.hash.split('?');"
            " const query = new URLSearchParams(asked);"
            " query.set('show', show); query.set('roi', 'FFA1');"
            " location.hash = `${path}?${query}` }",
            other,
        )
    page.page.wait_for_timeout(1000)
    # Until it is drawn, a saved picture has the planes alone.
    width = Image.open(shared.download(page, "#save-picture")).width
    planes = page.page.locator("#brain").evaluate("(canvas) => canvas.width")
    if width != planes:
        problems.append(f"the picture is {width} wide, and the planes {planes}")
    page.page.evaluate("(address) => { location.hash = address }", address)
    page.page.wait_for_timeout(2500)
    far = different(before, page.pixels("#surface"))
    if not held or far > 100:
        problems.append(f"{len(held)} requests were held, {far} pixels are of another map")
    page.page.unroute(of_roi)
    page.page.select_option("#layout", "axial")
    return problems
