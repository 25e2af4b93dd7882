"""Trials: their betas and means, the scrubber, and the filter."""

import warnings

import numpy as np

from .colours import POINTS
from .truth import SESSION, SUBJECT, same

#: Seconds; software draws the picture here.
TRIAL_BYTES, TRIAL_DRAWN, FILTER = 0.15, 0.6, 0.1
ROWS = 31_000
#: Of what is timed the best of so many is taken.
TRIES = 3


def trial(shared):
    page = shared.main
    times = []
    for trial in (*range(4, 4 + TRIES), 3):
        page.page.click(f"#trial-{trial}")
        page.drawn(f"{SUBJECT} {SESSION} {trial} beta")
        times.append((page.measure("map-asked", "map-bytes"), page.measure("map-asked", "drawn")))
    arrived, drawn = np.min(times, axis=0)
    print(
        f"another trial: bytes {arrived:.3f} s (at most {TRIAL_BYTES}),"
        f" drawn {drawn:.3f} s (at most {TRIAL_DRAWN})"
    )
    problems = []
    if arrived > TRIAL_BYTES or drawn > TRIAL_DRAWN:
        problems.append(f"bytes and picture after {times} s")
    name = shared.truth.sessions[SESSION][3]["label"]
    page.page.wait_for_function(
        "(name) => document.querySelector('#stimulus .name')?.textContent === name", arg=name
    )
    values = shared.truth.trial(SESSION, 3)
    for x, y in POINTS[:4]:
        page.click(x / 1.5, y / 1.5)
        voxel, shown = page.voxel()
        problems += same(shown, values[voxel], f"beta of {voxel}")
    page.picture("trial")
    return problems


def mean_zscore(shared):
    name = shared.truth.sessions[SESSION][3]["label"]
    scored = []
    for session, rows in shared.truth.sessions.items():
        betas = np.asarray(shared.truth.betas(session).dataobj, dtype=np.float64)
        with warnings.catch_warnings():
            # Voxels without any value.
            warnings.simplefilter("ignore")
            deviation = np.nanstd(betas, 3, keepdims=True)
            betas = (betas - np.nanmean(betas, 3, keepdims=True)) / deviation
        scored += [betas[..., at] for at, row in enumerate(rows) if row["label"] == name]
    values = np.mean(scored, 0)
    brain = np.asarray(shared.truth.brain().dataobj) > 0
    problems = [] if len(scored) > 2 else ["the image is not shown often enough for this"]
    page = shared.open(f"#/{SUBJECT}/{SESSION}/3?show=mean-zscore", wait=False)
    page.drawn(f"{SUBJECT} mean-zscore {name}")
    for place in np.argwhere(brain & np.isfinite(values))[10:600:150]:
        page.move(place)
        voxel, shown = page.voxel()
        problems += same(shown, values[voxel], f"mean z-score of {voxel}")
        if not shown.endswith(" SD"):
            problems.append(f"no unit: {shown!r}")
    page.context.close()
    return problems


def scrubber(shared):
    page = shared.open(f"#/{SUBJECT}?filter=colour:red")
    page.page.wait_for_selector("#trial-0")
    problems = [] if "no field" in page.text("#filter-state") else [page.text("#filter-state")]
    page.slide("#scrub", 2)
    page.drawn(f"{SUBJECT} {SESSION} 2 beta")
    page.context.close()
    return problems


def filters(shared):
    random = np.random.default_rng(5)
    images = 24_000
    nouns = ["dog", "cat", "house", "tree", "car"]
    image = random.integers(0, images, ROWS)
    columns = {
        "rows": ROWS,
        "session": (np.arange(ROWS) // 1000).tolist(),
        "sessions": [f"ses-{number:02}" for number in range(1, ROWS // 1000 + 1)],
        "trial": (np.arange(ROWS) % 1000).tolist(),
        "run": (np.arange(ROWS) % 1000 // 84 + 1).tolist(),
        "repetition": random.integers(0, 12, ROWS).tolist(),
        "image": image.tolist(),
        "images": [f"image_{number}.jpg" for number in range(images)],
        "shared": (image < 1500).tolist(),
        "dataset": (image % 3).tolist(),
        "datasets": ["NSD", "THINGS", "LAION"],
        "noun": (image % 5).tolist(),
        "nouns": nouns,
        "image_nouns": [[number % 5] for number in range(images)],
        "captions": [
            f"A {nouns[number % 5]} beside a window, in the soft light of the year {number % 97}"
            for number in range(images)
        ],
    }
    page = shared.open(wait=False)
    page.page.route("**/api/subjects/*/trials", lambda route: route.fulfill(json=columns))
    page.page.reload()
    page.page.wait_for_function(
        "() => document.getElementById('filter-state').textContent === '31,000 trials'"
    )
    page.drawn()
    # What is prepared while nobody waits.
    page.page.wait_for_timeout(2500)
    runs, repetitions = np.array(columns["run"]), np.array(columns["repetition"])
    asked = {
        "shared": image < 1500,
        "noun:dog run:3": (image % 5 == 0) & (runs == 3),
        "window -noun:cat dataset:THINGS": (image % 5 != 1) & (image % 3 == 1),
        '"year 13" unique rep:>2': (image % 97 == 13) & (image >= 1500) & (repetitions > 1),
    }
    problems = []
    times = {}

    def took(what):
        last = page.page.evaluate(
            "() => performance.getEntriesByName('filter').at(-1).duration / 1000"
        )
        times[what] = min(last, times.get(what, last))

    for _ in range(TRIES):
        for text, expected in asked.items():
            page.fill("#filter", text)
            state = f"{int(expected.sum()):,} of 31,000 trials"
            page.page.wait_for_function(
                "(text) => document.getElementById('filter-state').textContent === text", arg=state
            )
            took(text)
        page.fill("#filter", "")
        page.page.wait_for_function(
            "() => document.getElementById('filter-state').textContent === '31,000 trials'"
        )
        took("no filter")
        for column in ("image", "rep", "dataset"):
            page.page.click(f"#table .head .cell.{column} button")
            page.settle()
            took(f"sorted by {column}")
    slowest = max(times, key=times.get)
    print(f"filter of {ROWS:,} trials: {times[slowest]:.3f} s ({slowest}), at most {FILTER}")
    if times[slowest] > FILTER:
        problems.append(f"times {times}")
    rows = page.page.locator("#table .rows .row").count()
    if not 5 < rows < 100:
        problems.append(f"{rows} rows are in the document")
    page.picture("filter")
    page.context.close()
    return problems
