"""The image of a trial: its objects, and who saw it."""

import numpy as np

from .truth import GLM, SESSION, SUBJECT, Truth


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


def cards(page):
    """The subjects that saw the image that is shown, after each has its picture or a sentence."""
    page.page.wait_for_selector("#stimulus .seen .who")
    page.page.locator("#stimulus .seen").scroll_into_view_if_needed()
    page.page.wait_for_function(
        "() => [...document.querySelectorAll('.seen .response')]"
        ".every((place) => !place.hasAttribute('aria-busy'))"
    )
    return page.page.locator("#stimulus .seen li")


def every_subject(shared):
    tables = {}
    for folder in sorted((shared.mirror / GLM).glob("sub-*")):
        sessions = Truth(shared.mirror, folder.name).sessions.values()
        tables[folder.name] = [row.get("label") for rows in sessions for row in rows]
    labels = [row["label"] for row in shared.truth.sessions[SESSION]]
    seen_by = [sum(label in images for images in tables.values()) for label in labels]
    trial = int(np.argmax(seen_by))
    counts = {subject: images.count(labels[trial]) for subject, images in tables.items()}
    counts = {subject: count for subject, count in counts.items() if count}
    if len(counts) < 2:
        return [f"no image is seen by two subjects: {counts}"]
    address = f"#/{SUBJECT}/{SESSION}/{trial}?show=beta"
    page, problems = shared.open(address), []
    found = cards(page)
    if found.count() != len(counts):
        problems.append(f"{found.count()} subjects are shown, and {len(counts)} saw the image")
    for at, (subject, count) in enumerate(counts.items()):
        trials = f"{count} trial" if count == 1 else f"{count} trials"
        who = found.nth(at).locator(".who").inner_text()
        if who != f"{subject}: {trials}":
            problems.append(f"{subject}: {who!r}, the tables have {trials}")
        image = found.nth(at).locator(".response img")
        if image.count() == 0:
            problems.append(f"{subject}: no picture, {found.nth(at).inner_text()!r}")
            continue
        alt = image.get_attribute("alt")
        if not alt.startswith(f"{subject}: mean beta over {trials}, slice z = "):
            problems.append(f"{subject}: {alt!r}")
        pixels = page.pixels(f"#stimulus .seen li:nth-child({at + 1}) .response img")
        colourful = int(((pixels.max(2) - pixels.min(2)) > 24).sum())
        if min(pixels.shape[:2]) < 60 or pixels.std() < 5 or colourful < 100:
            problems.append(f"{subject}: {pixels.shape}, {colourful} pixels with a colour")
    page.picture("every-subject")
    page.context.close()
    # One of them cannot be read at once: what helps is in the place of its picture.
    slow = max(subject for subject in counts if subject != SUBJECT)
    command = f"laion-fmri index --subject {slow} --session 01"
    refusal = {"error": "the session has no index", "hint": command}
    page = shared.open(address, wait=False)
    page.page.route(
        f"**/api/subjects/{slow}/figure/*",
        lambda route: route.fulfill(status=404, json=refusal),
    )
    page.page.reload()
    found = cards(page)
    said = found.nth(list(counts).index(slow)).locator(".response .absent").inner_text()
    if refusal["error"] not in said or command not in said:
        problems.append(f"{slow}: {said!r}")
    if found.locator(".response img").count() != len(counts) - 1:
        problems.append(f"{found.locator('.response img').count()} pictures beside it")
    page.context.close()
    return problems
