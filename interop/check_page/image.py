"""The image of a trial: its objects, and who saw it."""

import numpy as np

from .truth import SESSION, SUBJECT


def object_masks(shared):
    page = shared.open(f"#/{SUBJECT}/{SESSION}/3?show=beta")
    page.page.wait_for_selector("#stimulus .mask-switch")
    before = page.pixels("#stimulus .picture")
    with page.page.expect_response("**/masks/*.png") as waiting:
        page.page.check("#stimulus .mask-switch input")
    page.page.wait_for_timeout(300)
    part = np.abs(page.pixels("#stimulus .picture") - before).max(2) > 24
    page.picture("object-mask")
    problems = [] if waiting.value.status == 200 else [f"status {waiting.value.status}"]
    # The object is some of the image, and not all of it.
    if not 0.01 < part.mean() < 0.99:
        problems.append(f"{part.mean():.3f} of the image changed")
    page.context.close()
    return problems
