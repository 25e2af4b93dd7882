"""Keys alone."""

import nibabel
import numpy as np

from .truth import SESSION, SUBJECT


def keys(shared):
    page, problems = shared.main, []
    page.page.locator("body").press("Escape")
    page.page.evaluate("() => document.activeElement?.blur()")
    for key, trial in (("ArrowRight", 4), ("ArrowDown", 5), ("ArrowLeft", 4), ("ArrowUp", 3)):
        page.page.keyboard.press(key)
        page.drawn(f"{SUBJECT} {SESSION} {trial} beta")
    for key, field in (("/", "filter"), ("r", "roi"), ("t", "threshold-number"), ("m", "show")):
        page.page.keyboard.press(key)
        if page.page.evaluate("() => document.activeElement.id") != field:
            problems.append(f"{key} does not go to {field}")
        page.page.keyboard.press("Escape")
    place = page.voxel()[0]
    page.page.keyboard.press("Shift+ArrowRight")
    page.page.wait_for_timeout(200)
    moved = page.voxel()[0]
    affine = shared.truth.brain().affine
    step = nibabel.affines.apply_affine(affine, moved) - nibabel.affines.apply_affine(affine, place)
    if not np.allclose(step, [np.abs(affine[:3, 0]).max(), 0, 0]):
        problems.append(f"Shift and right moves by {step} mm")
    page.page.keyboard.press("?")
    if not page.page.locator("#keys").is_visible():
        problems.append("? shows no keys")
    page.picture("keys")
    page.page.keyboard.press("Escape")
    return problems
