"""What is being read, is not on disk, or is damaged."""

from pathlib import Path

from .truth import SESSION, SUBJECT


def reading(shared):
    page, held = shared.open(), []
    read = {
        "session": SESSION,
        "purpose": "betas",
        "stored": False,
        "done": 211,
        "total": 1055,
        "seconds": 2,
    }
    page.page.route("**/reading", lambda route: route.fulfill(json=[read]))
    page.page.route("**/betas/*/9.nii*", lambda route: held.append(route))
    page.page.click("#trial-9")
    page.page.wait_for_function(
        "(text) => document.getElementById('busy').textContent.startsWith(text)",
        arg=f"Reading {SESSION}: 211 of 1,055 volumes, about 8 s left.",
    )
    page.picture("reading")
    held[0].continue_()
    page.drawn(f"{SUBJECT} {SESSION} 9 beta")
    page.page.wait_for_timeout(600)
    problems = [] if page.text("#busy") == "" else [f"still {page.text('#busy')!r}"]
    # A map is not made of betas: a read of them that still goes on is not what it waits for.
    page.page.route("**/maps/*.nii", lambda route: held.append(route))
    maps = page.page.eval_on_selector_all(
        "#show option[value^='map:']", "(options) => options.map(({ value }) => value)"
    )
    page.page.select_option("#show", maps[-1])
    page.page.wait_for_timeout(1000)
    if page.text("#busy") != "Reading ...":
        problems.append(f"while a map is read: {page.text('#busy')!r}")
    held[-1].continue_()
    page.context.close()
    return problems


def lacking(shared):
    page = shared.open(wait=False)

    def without_objects(route):
        about = route.fetch().json()
        about["stimuli"]["masks"] = False
        about["absent"] = [
            {
                "what": "the table of objects is not on disk",
                "command": "laion-fmri download-stimuli",
            }
        ]
        route.fulfill(json=about)

    page.page.route(f"**/api/subjects/{SUBJECT}", without_objects)
    page.page.route(
        "**/trials",
        lambda route: route.fulfill(
            json={**route.fetch().json(), "nouns": [], "image_nouns": [[]] * 9999}
        ),
    )
    page.page.reload()
    page.page.wait_for_selector("#trial-0")
    page.fill("#filter", "noun:dog")
    page.page.wait_for_function(
        "() => document.getElementById('filter-state').textContent.startsWith('0 of ')"
    )
    state, problems = page.text("#filter-state"), []
    if "objects in the images are not on disk" not in state:
        problems.append(state)
    if not page.page.locator("#absent .list").is_visible():
        problems.append("what brings them is not seen")
    page.picture("lacking")
    page.fill("#filter", "run:1")
    if "on disk" in page.text("#filter-state"):
        problems.append(page.text("#filter-state"))
    page.context.close()
    return problems


def damaged(shared):
    session = list(shared.truth.sessions)[1]
    path = Path(shared.truth.betas(session).get_filename())
    whole = path.read_bytes()
    page = shared.open(f"#/{SUBJECT}/{SESSION}/3?show=beta")
    try:
        path.write_bytes(whole[: len(whole) // 3])
        page.page.select_option("#session", session)
        page.page.wait_for_selector("#messages .error")
        page.page.wait_for_function(
            "() => document.getElementById('screen').dataset.drawn === 'nothing'"
        )
        page.picture("damaged")
        said = page.text("#messages .error")
        problems = [] if path.name in said else [said]
        has_legend = page.page.locator("#legend-part").is_visible()
        if f"{session}, trial 0" not in page.text("#title") or has_legend:
            problems.append(f"the map before is still there: {page.text('#title')!r}")
        if not page.text("#readout").endswith("no map"):
            problems.append(f"a value of the map before: {page.text('#readout')!r}")
    finally:
        path.write_bytes(whole)
    # The next choice is as if nothing had been.
    page.page.click("#next")
    page.drawn(f"{SUBJECT} {session} 1 beta")
    if page.page.locator("#messages .error").count():
        problems.append("the error is still there")
    page.context.close()
    return problems


def without_images(shared):
    images = shared.mirror / "stimuli" / "task-images_stimuli.h5"
    aside = shared.out / "images-aside.h5"
    page = shared.open(f"#/{SUBJECT}/{SESSION}/3?show=beta")
    page.page.wait_for_selector("#stimulus img.pixels")
    back = "() => window.dispatchEvent(new Event('focus'))"
    try:
        images.rename(aside)
        page.page.wait_for_timeout(600)
        page.page.evaluate(back)
        page.page.wait_for_selector("#stimulus .absent code")
        page.picture("without-images")
        name = shared.truth.sessions[SESSION][3]["label"]
        problems = [] if page.text("#stimulus .name") == name else ["no name"]
        if "download-stimuli" not in page.text("#stimulus .absent code"):
            problems.append(f"no command: {page.text('#stimulus .absent')!r}")
        if "not on this disk" not in page.text("#absent summary"):
            problems.append(f"not listed: {page.text('#absent summary')!r}")
    finally:
        aside.rename(images)
    page.page.wait_for_timeout(600)
    page.page.evaluate(back)
    page.page.wait_for_selector("#stimulus img.pixels")
    page.context.close()
    return problems
