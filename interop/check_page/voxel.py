"""A voxel: what it is, and its responses from a store."""

import os
import subprocess

import nibabel
import numpy as np

from .browser import HEIGHT
from .server import environment
from .truth import SESSION, SUBJECT, as_number


def facts_of(page):
    return dict(
        zip(
            page.page.locator("#voxel dt").all_inner_texts(),
            page.page.locator("#voxel dd").all_inner_texts(),
        )
    )


def voxel(shared):
    page, problems = shared.main, []
    page.click(0.47, 0.55)
    place = page.voxel()[0]
    page.page.wait_for_function(
        "(ijk) => document.querySelector('#voxel dd')?.textContent === ijk",
        arg=", ".join(str(index) for index in place),
    )
    facts = facts_of(page)
    mm = nibabel.affines.apply_affine(shared.truth.brain().affine, place)
    shown = [
        as_number(number) for number in facts["T1w mm"].split(",") for number in [number.strip()]
    ]
    if not np.allclose(shown, mm, atol=0.051):
        problems.append(f"mm {facts['T1w mm']}, nibabel has {mm}")
    inside = {label.replace("-", "") for label, mask in shared.truth.rois().items() if mask[place]}
    named = {name.strip().replace("-", "") for name in facts["ROIs"].split(",")} - {"none"}
    if named != inside:
        problems.append(f"ROIs {facts['ROIs']}, nibabel has {sorted(inside)}")
    part = page.page.wait_for_selector("#voxel .responses :is(.absent, p)").inner_text()
    if "store" not in part:
        problems.append(f"no offer to build the store: {part!r}")
    page.picture("voxel")
    return problems


def responses(shared):
    brain = np.asarray(shared.truth.brain().dataobj) > 0
    values = shared.truth.trial(SESSION, 0)
    place = tuple(int(index) for index in np.argwhere(brain & ~np.isnan(values))[40])
    page = shared.open(f"#/{SUBJECT}/{SESSION}/3?show=beta&voxel={','.join(map(str, place))}")
    page.page.wait_for_selector("#voxel .responses .absent")
    options = ["--subject", SUBJECT, "--data-dir", str(shared.mirror)]
    built = subprocess.run(
        [os.environ["PAGE_PROGRAM"], "store", "build", *options],
        env=environment(shared.out / "home"),
        capture_output=True,
        text=True,
    )
    if built.returncode != 0:
        return [built.stderr]
    # Who has typed the command that the page offers comes back to the page.
    page.page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    page.page.wait_for_selector("#voxel .strip")
    page.picture("responses")
    order = page.page.evaluate(
        "() => ['.thumbs', '.histogram', '.facts:last-of-type'].map("
        "(part) => document.querySelector(`#voxel ${part}`).getBoundingClientRect().top)"
    )
    if order != sorted(order):
        return [f"the images, all trials and the maps are at {order}"]
    page.page.locator("#voxel .histogram").scroll_into_view_if_needed()
    page.picture("responses-below")
    betas, images = shared.truth.responses(place)
    means = {
        name: np.mean(
            [beta for beta, image in zip(betas, images) if image == name], dtype=np.float64
        )
        for name in set(images)
    }
    order = sorted(means, key=lambda name: -means[name])
    problems = []
    summary = page.text("#voxel .responses .quiet")
    if not summary.startswith(f"{len(betas)} trials, {len(means)} images"):
        problems.append(f"{summary!r}; numpy has {len(betas)} trials of {len(means)} images")
    thumbs = page.page.locator("#voxel .thumbs .thumb")
    for at, name in enumerate(order[:6]):
        shown = thumbs.nth(at).get_attribute("title")
        if name not in shown or abs(as_number(shown.split("mean beta ")[1]) - means[name]) > 0.0051:
            problems.append(f"place {at + 1}: {shown!r}, numpy has {name} with {means[name]:.4f}")
    page.page.locator("#voxel .strip").focus()
    page.page.keyboard.press("End")
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("Enter")
    page.page.wait_for_function(
        "(name) => document.querySelector('#stimulus .name')?.textContent === name", arg=order[-2]
    )
    thumbs.first.click()
    page.page.wait_for_function(
        "(name) => document.querySelector('#stimulus .name')?.textContent === name", arg=order[0]
    )
    # A voxel that the user goes to is answered where it can be seen.
    middle = np.argwhere(brain).mean(0).round().astype(int)
    page.move(middle)
    last = ", ".join(map(str, middle))
    page.page.wait_for_function(
        "(place) => document.querySelector('#voxel dd')?.textContent === place"
        " && document.querySelector('#voxel .strip')",
        arg=last,
    )
    scrolled = page.page.evaluate(
        "() => { const panel = document.getElementById('voxel'); panel.scrollTop = 9999;"
        " document.activeElement?.blur(); return panel.scrollTop }"
    )
    if scrolled == 0:
        problems.append("the panel of the voxel does not scroll")
    page.page.keyboard.press("Shift+ArrowRight")
    page.page.wait_for_function(
        "(last) => document.querySelector('#voxel dd').textContent !== last"
        " && document.querySelector('#voxel .strip')"
        " && document.getElementById('voxel').scrollTop === 0",
        arg=last,
    )
    page.context.close()
    return problems


def in_view(shared):
    """The strongest and the weakest images are seen at 1280 x 720 without scrolling."""
    page, problems = shared.open(f"#/{SUBJECT}/{SESSION}/3?show=beta"), []
    page.page.wait_for_selector("#stimulus .name")
    hint = page.page.locator("#voxel p").first
    box = hint.bounding_box()
    if not hint.inner_text().startswith("Click a voxel") or box["y"] + box["height"] > HEIGHT:
        problems.append(f"before a click: {hint.inner_text()!r} at {box}")
    page.picture("before-voxel")
    thumbs = """() => {
        const frame = document.getElementById('voxel').getBoundingClientRect()
        return [...document.querySelectorAll('#voxel .thumbs .thumb')].map((thumb) => {
          const { top, bottom, height } = thumb.getBoundingClientRect()
          const end = Math.min(frame.bottom, innerHeight)
          return { top, bottom, isSeen: top >= frame.top && bottom <= end && height > 20 }
        })
    }"""
    brain = np.asarray(shared.truth.brain().dataobj) > 0
    middle = np.argwhere(brain).mean(0).round().astype(int)
    # By an address, and then by a choice of the user.
    for step in ("link", "Shift+ArrowRight"):
        if step == "link":
            page.move(middle)
        else:
            page.page.keyboard.press(step)
        page.page.wait_for_function(
            "([place, is]) => (document.querySelector('#voxel dd')?.textContent === place) === is"
            " && document.querySelector('#voxel .strip')",
            arg=[", ".join(map(str, middle)), step == "link"],
        )
        page.settle()
        found = page.page.evaluate(thumbs)
        if len(found) < 7 or not all(thumb["isSeen"] for thumb in found):
            problems.append(f"{step}: {found}")
        page.picture(f"voxel-in-view-{'link' if step == 'link' else 'key'}")
    page.context.close()
    return problems
