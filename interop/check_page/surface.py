"""The inflated cortex beside the planes."""

import numpy as np

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
