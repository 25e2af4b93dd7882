#!/usr/bin/env python3
"""Drives the page of `laion-fmri browse` in headless Chromium, and compares what it shows with numpy.

    check_page.py OUT

OUT/mirror is the bucket of the test suite with its images. `cargo xtask browser` names the rest:
PAGE_PROGRAM the command, PAGE_CHROMIUM the browser, PAGE_LIBRARIES where its libraries are, PAGE_AXE
the script of axe-core. Screenshots are left in OUT/pictures, and what was measured is printed. The last
line is a summary in the form of Rust's own test runner; the exit status is 1 if a case failed.
"""

import json
import os
import re
import signal
import subprocess
import time
import warnings
from pathlib import Path

import nibabel
import numpy as np
from playwright.sync_api import sync_playwright

import verdict

SUBJECT, SESSION = "sub-01", "ses-01"
GLM = "derivatives/glmsingle-tedana"
WIDTH, HEIGHT = 1280, 720
#: Seconds; software draws the picture here.
FIRST_PICTURE, TRIAL_BYTES, TRIAL_DRAWN, FILTER = 2.5, 0.15, 0.6, 0.1
ROWS = 31_000
#: Of what is timed the best of so many is taken.
TRIES = 3
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


class Truth:
    """What the files of a subject hold, read by nibabel and by hand."""

    def __init__(self, root, subject=SUBJECT):
        self.root, self.subject = Path(root), subject
        glob = self.root.glob(f"{GLM}/{subject}/ses-*/func/*_desc-SingletrialBetas_trials.tsv")
        self.sessions = {path.parts[-3]: self.table(path) for path in sorted(glob)}

    @staticmethod
    def table(path):
        header, *rows = [line.split("\t") for line in path.read_text("utf-8").split("\n") if line]
        return [dict(zip(header, row)) for row in rows]

    def betas(self, session):
        name = f"{self.subject}_{session}_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz"
        return nibabel.load(self.root / GLM / self.subject / session / "func" / name)

    def brain(self):
        found = self.root.glob(f"derivatives/anatomical/{self.subject}/**/*_res-1pt8_desc-brain_mask.nii.gz")
        return nibabel.load(next(iter(found)))

    def rois(self):
        """The masks of all ROIs by the labels of their files."""
        paths = self.root.glob(f"derivatives/rois/{self.subject}/*/*_space-T1w_res-1pt8_label-*_mask.nii.gz")
        label = re.compile(r"_label-(.+)_mask")
        return {label.search(path.name)[1]: np.asarray(nibabel.load(path).dataobj) > 0 for path in paths}

    def trial(self, session, trial):
        """The volume of a trial, NaN outside the brain."""
        values = np.asarray(self.betas(session).dataobj[..., trial], dtype=np.float32)
        return np.where(np.asarray(self.brain().dataobj) > 0, values, np.nan).astype(np.float32)

    def responses(self, voxel):
        """The beta of a voxel in every trial of all sessions that have betas, and the image of each."""
        values, images = [], []
        for session, rows in self.sessions.items():
            values.append(np.asarray(self.betas(session).dataobj)[tuple(voxel)].astype(np.float32))
            images.extend(row["label"] for row in rows)
        return np.concatenate(values), images


class Server:
    """A running `laion-fmri browse`."""

    def __init__(self, mirror, *options):
        command = [os.environ["PAGE_PROGRAM"], "browse", "--no-open", "--port", "0", "--data-dir", str(mirror), *options]
        home = Path(mirror).with_name("home")
        home.mkdir(exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LAION_FMRI_", "XDG_"))}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**environment, "HOME": str(home)}
        )
        self.address = self.process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[0-9a-f]+", self.address), self.address
        self.origin = self.address.split("/?")[0]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


class Page:
    """A page in the browser, and what can be read from it."""

    def __init__(self, browser, address, pictures, wait=True, **options):
        # What is sent and received is noted, and so is what the page complains about.
        self.context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, accept_downloads=True, **options)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address.split("/?")[0])
        self.page = self.context.new_page()
        self.requests, self.complaints, self.pictures = [], [], pictures
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self.on_console)
        self.page.set_default_timeout(90_000)
        started = time.perf_counter()
        self.response = self.page.goto(address)
        if wait:
            self.drawn()
        self.seconds = time.perf_counter() - started

    def on_console(self, message):
        if message.type == "error" and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def drawn(self, key=None):
        """Waits until the map with this key is on the canvas."""
        self.page.wait_for_function(
            "(key) => { const at = document.getElementById('screen')?.dataset.drawn; return key ? at === key : at }", arg=key
        )
        self.settle()

    def settle(self):
        """Waits for two frames, so that what was changed is on the screen."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()

    def picture(self, name):
        self.page.screenshot(path=str(self.pictures / f"{name}.png"))

    def pixels(self, selector="#screen"):
        """The canvas, or another part, as the screen shows it, height x width x 3."""
        import io

        from PIL import Image

        data = self.page.locator(selector).screenshot()
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    def colourful(self):
        """How many pixels of the canvas are not grey."""
        pixels = self.pixels()
        return int(((pixels.max(2) - pixels.min(2)) > 24).sum())

    def click(self, x, y):
        """Clicks the brain at a part of its width and height."""
        box = self.page.locator("#brain").bounding_box()
        self.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        self.settle()

    def voxel(self):
        """The voxel of the crosshair, and its value as the page writes it."""
        found = re.match(r"voxel (\d+), (\d+), (\d+)\s+·\s+mm .*?\s+·\s+(.*)$", self.text("#readout"))
        return tuple(int(index) for index in found.groups()[:3]), found[4]

    def move(self, voxel):
        """Moves the crosshair by the address, as a link does."""
        at = ",".join(str(index) for index in voxel)
        self.page.evaluate(
            "(at) => { const [path, asked] = location.hash.split('?'); const query = new URLSearchParams(asked);"
            " query.set('voxel', at); location.hash = `${path}?${query}` }",
            at,
        )
        self.page.wait_for_function(
            "(at) => document.getElementById('readout').textContent.startsWith(`voxel ${at} `)", arg=at.replace(",", ", ")
        )
        self.settle()

    def fill(self, selector, text, enter=False):
        self.page.fill(selector, text)
        if enter:
            self.page.press(selector, "Enter")
        self.settle()

    def measure(self, first, last):
        """Seconds between the last marks of two names."""
        return self.page.evaluate(
            "([a, b]) => (performance.getEntriesByName(b).at(-1).startTime - performance.getEntriesByName(a).at(-1).startTime) / 1000",
            [first, last],
        )


def as_number(text):
    """The number that the page has written; NaN for no value."""
    if text.startswith("no value"):
        return np.nan
    return float(re.match(r"[−-]?[\d.]+(e[+−-]?\d+)?", text)[0].replace("−", "-"))


def same(shown, expected, what):
    """A problem if the number that is shown is not this value, to the digits that are shown."""
    number = as_number(shown)
    if np.isnan(number) and np.isnan(expected):
        return []
    if not np.isclose(number, expected, rtol=2e-3, atol=1e-4):
        return [f"{what}: the page shows {shown!r}, numpy has {expected}"]
    return []


def expected_colour(value, table, low, high, threshold):
    """The colour of a value by the documented rule; nothing where it is transparent."""
    if np.isnan(value) or (threshold > 0 and abs(value) < threshold):
        return None
    return table[int(np.clip(np.floor((value - low) / (high - low) * 256), 0, 255))]


def clusters(points, far):
    """The groups of points that are further than about this from each other."""
    groups = []
    for cell in np.unique(np.asarray(points) // far, axis=0):
        near = [group for group in groups if np.abs(np.array(group) - cell).max(1).min() <= 1]
        groups = [group for group in groups if group not in near] + [[*sum(near, []), tuple(cell)]]
    return groups


#: Where the brain is clicked on the axial plane; the last one is away from the others' rows and columns.
POINTS = [(0.46, 0.42), (0.54, 0.46), (0.49, 0.58), (0.43, 0.5), (0.56, 0.62), (0.52, 0.31), (0.4, 0.38), (0.58, 0.53), (0.68, 0.93)]


class Cases:
    def __init__(self, out):
        self.out, self.mirror, self.pictures = out, out / "mirror", out / "pictures"
        self.pictures.mkdir(exist_ok=True)
        self.truth = Truth(self.mirror)
        self.axe = Path(os.environ["PAGE_AXE"]).read_text("utf-8")

    def run(self):
        self.server = Server(self.mirror)
        with sync_playwright() as playwright:
            self.browser = playwright.chromium.launch(
                executable_path=os.environ["PAGE_CHROMIUM"],
                args=FLAGS,
                env={**os.environ, "LD_LIBRARY_PATH": os.environ["PAGE_LIBRARIES"]},
            )
            yield "the first picture", verdict.found(self.first_picture)
            yield "a trial and its betas", verdict.found(self.trial)
            yield "colours are those of the values", verdict.found(self.colours)
            yield "threshold and range", verdict.found(self.threshold)
            yield "outlines of ROIs", verdict.found(self.rois)
            yield "outlines and crosshair at every size of the window", verdict.found(self.sizes)
            yield "a voxel", verdict.found(self.voxel)
            yield "the surface", verdict.found(self.surface)
            yield "the mean over repeats of z-scores", verdict.found(self.mean_zscore)
            yield "the scrubber before a trial is chosen", verdict.found(self.scrubber)
            yield "how far a read is", verdict.found(self.reading)
            yield "a filter by what is not on disk", verdict.found(self.lacking)
            yield "a damaged file", verdict.found(self.damaged)
            yield "a link to what is not there", verdict.found(self.lost_link)
            yield "two browsers at once", verdict.found(self.two_browsers)
            yield "object masks", verdict.found(self.object_masks)
            yield "without the images", verdict.found(self.without_images)
            yield "keys alone", verdict.found(self.keys)
            yield "a link reproduces the view", verdict.found(self.link)
            yield "files that are saved", verdict.found(self.saved)
            yield "a map of one's own, NaN and zero", verdict.found(self.own_file)
            yield "the filter of 31,000 trials", verdict.found(self.filter)
            yield "accessibility", verdict.found(self.accessibility)
            yield "responses from a store", verdict.found(self.responses)
            yield "a wrong token", verdict.found(self.wrong_token)
            yield "no other host, and no complaints", verdict.found(self.quiet)
            self.browser.close()
        yield "Ctrl-C ends it", [] if self.server.stop() == 0 else ["the status is not 0"]

    def open(self, fragment="", **options):
        return Page(self.browser, self.server.address + fragment, self.pictures, **options)

    def first_picture(self):
        # Each time in a profile of its own, so that nothing is cached; other programs may be in the way.
        seconds = []
        for _ in range(TRIES - 1):
            page = self.open()
            seconds.append(page.seconds)
            page.context.close()
        self.main = page = self.open()
        seconds.append(page.seconds)
        page.picture("first")
        print(f"first picture: {min(seconds):.2f} s (at most {FIRST_PICTURE})")
        problems = [] if min(seconds) <= FIRST_PICTURE else [f"first picture after {seconds} s"]
        if not page.text("#title").startswith(f"{SUBJECT}: "):
            problems.append(f"title {page.text('#title')!r}")
        # The map and the range of `laion-fmri figure --map nc`.
        path = next(iter(self.mirror.glob(f"{GLM}/{SUBJECT}/**/*_desc-Noiseceiling12rep_statmap.nii.gz")))
        values = np.asarray(nibabel.load(path).dataobj)[np.asarray(self.truth.brain().dataobj) > 0]
        sizes = np.sort(np.abs(values[np.isfinite(values)]))
        end = sizes[round((len(sizes) - 1) * 0.99)]
        bar = page.page.get_attribute("#legend", "aria-label")
        found = re.fullmatch(r"Colour bar of noise ceiling, images shown 12 times, from 0% to ([\d.]+)%", bar)
        if not found or not end <= float(found[1]) * (1 + 1e-6) or float(found[1]) > end + 10 ** (np.floor(np.log10(end)) - 1):
            problems.append(f"{bar!r}; 99% of the values are below {end}")
        if page.pixels().std() < 5 or page.colourful() < 500:
            problems.append("the canvas is blank")
        if "token" in page.page.url:
            problems.append("the token is still in the address")
        page.page.wait_for_selector(f"#trial-0")
        return problems

    def trial(self):
        page = self.main
        times = []
        for trial in (*range(4, 4 + TRIES), 3):
            page.page.click(f"#trial-{trial}")
            page.drawn(f"{SUBJECT} {SESSION} {trial} beta")
            times.append((page.measure("map-asked", "map-bytes"), page.measure("map-asked", "drawn")))
        arrived, drawn = np.min(times, axis=0)
        print(f"another trial: bytes {arrived:.3f} s (at most {TRIAL_BYTES}), drawn {drawn:.3f} s (at most {TRIAL_DRAWN})")
        problems = [] if arrived <= TRIAL_BYTES and drawn <= TRIAL_DRAWN else [f"bytes and picture after {times} s"]
        name = self.truth.sessions[SESSION][3]["label"]
        page.page.wait_for_function("(name) => document.querySelector('#stimulus .name')?.textContent === name", arg=name)
        values = self.truth.trial(SESSION, 3)
        for x, y in POINTS[:4]:
            page.click(x / 1.5, y / 1.5)
            voxel, shown = page.voxel()
            problems += same(shown, values[voxel], f"beta of {voxel}")
        page.picture("trial")
        return problems

    def axial(self, page):
        """One plane at full opacity, and the voxels at the points of it that are clicked."""
        page.page.select_option("#layout", "axial")
        middle = np.argwhere(np.asarray(self.truth.brain().dataobj) > 0).mean(0).round().astype(int)
        page.move(middle)
        page.page.evaluate("() => { const o = document.getElementById('opacity'); o.value = 1; o.dispatchEvent(new Event('input')) }")
        page.page.wait_for_timeout(200)
        voxels = []
        for point in POINTS:
            page.click(*point)
            page.page.wait_for_timeout(120)
            voxels.append(page.voxel()[0])
        page.settle()
        return voxels

    def table(self, page, name):
        return page.page.evaluate("(name) => fetch('/api/about').then((a) => a.json()).then((a) => a.colormaps[name])", name)

    def compare(self, page, voxels, values, name, low, high, threshold):
        pixels, table = page.pixels(), self.table(page, name)
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
                    problems.append(f"voxel {voxel} is {values[voxel]}: colour {found}, expected {expected}")
        if compared < 4:
            problems.append(f"only {compared} points are away from the edges of voxels")
        return problems, coloured

    def colours(self):
        page = self.main
        voxels = self.axial(page)
        values = self.truth.trial(SESSION, 3)
        page.fill("#range", "2", enter=True)
        page.page.locator("#range").blur()
        page.page.wait_for_timeout(300)
        problems, coloured = self.compare(page, voxels, values, "blue-red", -2, 2, 0)
        page.picture("axial")
        return problems if coloured >= 3 else [*problems, f"only {coloured} of the points have a colour"]

    def threshold(self):
        page = self.main
        before = page.colourful()
        values = self.truth.trial(SESSION, 3)
        # Half of the values are smaller.
        threshold = round(float(np.nanmedian(np.abs(values))), 2)
        page.fill("#threshold-number", str(threshold))
        page.page.wait_for_timeout(300)
        voxels = self.axial(page)
        problems, _ = self.compare(page, voxels, values, "blue-red", -2, 2, threshold)
        after = page.colourful()
        page.picture("threshold")
        if not after < before * 0.8:
            problems.append(f"{before} pixels had a colour, and {after} have one with the threshold")
        if f"−{threshold:g}" not in page.text("#legend-note"):
            problems.append(page.text("#legend-note"))
        page.fill("#threshold-number", "0")
        return problems

    def rois(self):
        page, problems = self.main, []
        masks = self.truth.rois()
        for label, mask in list(masks.items())[:3]:
            name = label.replace("-", "")
            before = page.pixels()
            page.fill("#roi", name, enter=True)
            page.page.wait_for_function("() => document.getElementById('roi-state').textContent !== ''")
            page.page.wait_for_timeout(300)
            brain = np.asarray(self.truth.brain().dataobj) > 0
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
                problems.append(f"{label}: the crosshair left {clicked}, which was clicked, for {page.voxel()[0]}")
            page.fill("#roi", "", enter=True)
            page.page.wait_for_function("() => document.getElementById('roi-state').textContent === ''")
        page.fill("#roi", "FFA1 | (PPA", enter=True)
        page.page.wait_for_selector("#roi-state.is-error")
        if page.page.get_attribute("#roi", "aria-invalid") != "true" or len(page.text("#roi-state")) < 10:
            problems.append(page.text("#roi-state"))
        page.picture("roi-error")
        page.fill("#roi", "", enter=True)
        return problems

    def sizes(self):
        """Three planes stand in a row or on two lines; each has its lines, of one width."""
        page, problems = self.open(), []
        page.page.select_option("#layout", "planes")
        page.fill("#roi", "FFA1", enter=True)
        page.page.wait_for_function("() => document.getElementById('roi-state').textContent !== ''")
        page.page.wait_for_timeout(300)
        # An outline is a part of each plane, and so is the crosshair, which goes through the ROI.
        counted = """(colour) => {
            const canvas = document.getElementById('outlines')
            const { width, height, data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
            const seen = []
            for (let at = 0; at < width * height; at++)
              if (colour.every((level, channel) => Math.abs(data[4 * at + channel] - level) < 40)) seen.push([at % width, Math.floor(at / width)])
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

    def facts(self, page):
        return dict(
            zip(page.page.locator("#voxel dt").all_inner_texts(), page.page.locator("#voxel dd").all_inner_texts())
        )

    def voxel(self):
        page, problems = self.main, []
        page.click(0.47, 0.55)
        place = page.voxel()[0]
        page.page.wait_for_function(
            "(ijk) => document.querySelector('#voxel dd')?.textContent === ijk", arg=", ".join(str(index) for index in place)
        )
        facts = self.facts(page)
        mm = nibabel.affines.apply_affine(self.truth.brain().affine, place)
        shown = [as_number(number) for number in facts["T1w mm"].split(",") for number in [number.strip()]]
        if not np.allclose(shown, mm, atol=0.051):
            problems.append(f"mm {facts['T1w mm']}, nibabel has {mm}")
        inside = {label.replace("-", "") for label, mask in self.truth.rois().items() if mask[place]}
        named = {name.strip().replace("-", "") for name in facts["ROIs"].split(",")} - {"none"}
        if named != inside:
            problems.append(f"ROIs {facts['ROIs']}, nibabel has {sorted(inside)}")
        part = page.page.wait_for_selector("#voxel .responses :is(.absent, p)").inner_text()
        if "store" not in part:
            problems.append(f"no offer to build the store: {part!r}")
        page.picture("voxel")
        return problems

    def surface(self):
        page, problems = self.main, []
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
        show = page.page.eval_on_selector("#show", "(show) => [show.value, show.options[show.options.length - 2].value]")
        page.page.select_option("#show", show[1])
        page.page.evaluate("() => { const o = document.getElementById('opacity'); o.value = 1; o.dispatchEvent(new Event('input')) }")
        page.drawn()
        page.page.wait_for_timeout(1500)
        pixels = page.pixels()[:, left:].reshape(-1, 3)
        pixels = pixels[pixels.max(1) - pixels.min(1) > 24][::7]
        far = np.abs(pixels[:, None] - np.array(self.table(page, "viridis"))).max(2).min(1)
        if len(pixels) < 100 or np.quantile(far, 0.9) > 12:
            problems.append(f"of {len(pixels)} pixels, a tenth is further than {np.quantile(far, 0.9)} from the colours of the bar")
        letters = {letter.inner_text(): letter.bounding_box()["x"] for letter in page.page.locator("#surface-frame .side").all()}
        if not (list(letters) == ["L", "R"] and letters["L"] < letters["R"]):
            problems.append(f"letters at {letters}")
        page.page.select_option("#show", show[0])
        page.page.wait_for_timeout(1500)
        page.fill("#threshold-number", "1000")
        page.page.wait_for_timeout(500)
        after, still = coloured()
        page.fill("#threshold-number", "0")
        if not (before > 500 and after < 50 and still > 0.5 * inside > 500):
            problems.append(f"{before} of {inside} pixels have a colour, and {after} of {still} above a threshold that nothing reaches")
        page.page.select_option("#layout", "axial")
        return problems

    def mean_zscore(self):
        name = self.truth.sessions[SESSION][3]["label"]
        scored = []
        for session, rows in self.truth.sessions.items():
            betas = np.asarray(self.truth.betas(session).dataobj, dtype=np.float64)
            with warnings.catch_warnings():
                # Voxels without any value.
                warnings.simplefilter("ignore")
                betas = (betas - np.nanmean(betas, 3, keepdims=True)) / np.nanstd(betas, 3, keepdims=True)
            scored += [betas[..., at] for at, row in enumerate(rows) if row["label"] == name]
        values = np.mean(scored, 0)
        brain = np.asarray(self.truth.brain().dataobj) > 0
        problems = [] if len(scored) > 2 else ["the image is not shown often enough for this"]
        page = self.open(f"#/{SUBJECT}/{SESSION}/3?show=mean-zscore", wait=False)
        page.drawn(f"{SUBJECT} mean-zscore {name}")
        for place in np.argwhere(brain & np.isfinite(values))[10:600:150]:
            page.move(place)
            voxel, shown = page.voxel()
            problems += same(shown, values[voxel], f"mean z-score of {voxel}")
            if not shown.endswith(" SD"):
                problems.append(f"no unit: {shown!r}")
        page.context.close()
        return problems

    def scrubber(self):
        page = self.open(f"#/{SUBJECT}?filter=colour:red")
        page.page.wait_for_selector("#trial-0")
        problems = [] if "no field" in page.text("#filter-state") else [page.text("#filter-state")]
        page.page.evaluate("() => { const s = document.getElementById('scrub'); s.value = 2; s.dispatchEvent(new Event('input')) }")
        page.drawn(f"{SUBJECT} {SESSION} 2 beta")
        page.context.close()
        return problems

    def reading(self):
        page, held = self.open(), []
        read = {"session": SESSION, "purpose": "betas", "stored": False, "done": 211, "total": 1055, "seconds": 2}
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
        maps = page.page.eval_on_selector_all("#show option[value^='map:']", "(options) => options.map(({ value }) => value)")
        page.page.select_option("#show", maps[-1])
        page.page.wait_for_timeout(1000)
        if page.text("#busy") != "Reading ...":
            problems.append(f"while a map is read: {page.text('#busy')!r}")
        held[-1].continue_()
        page.context.close()
        return problems

    def lacking(self):
        page = self.open(wait=False)

        def without_objects(route):
            about = route.fetch().json()
            about["stimuli"]["masks"] = False
            about["absent"] = [{"what": "the table of objects is not on disk", "command": "laion-fmri download-stimuli"}]
            route.fulfill(json=about)

        page.page.route(f"**/api/subjects/{SUBJECT}", without_objects)
        page.page.route("**/trials", lambda route: route.fulfill(json={**route.fetch().json(), "nouns": [], "image_nouns": [[]] * 9999}))
        page.page.reload()
        page.page.wait_for_selector("#trial-0")
        page.fill("#filter", "noun:dog")
        page.page.wait_for_function("() => document.getElementById('filter-state').textContent.startsWith('0 of ')")
        problems = [] if "objects in the images are not on disk" in page.text("#filter-state") else [page.text("#filter-state")]
        if not page.page.locator("#absent .list").is_visible():
            problems.append("what brings them is not seen")
        page.picture("lacking")
        page.fill("#filter", "run:1")
        if "on disk" in page.text("#filter-state"):
            problems.append(page.text("#filter-state"))
        page.context.close()
        return problems

    def damaged(self):
        session = list(self.truth.sessions)[1]
        path = Path(self.truth.betas(session).get_filename())
        whole = path.read_bytes()
        page = self.open(f"#/{SUBJECT}/{SESSION}/3?show=beta")
        try:
            path.write_bytes(whole[: len(whole) // 3])
            page.page.select_option("#session", session)
            page.page.wait_for_selector("#messages .error")
            page.page.wait_for_function("() => document.getElementById('screen').dataset.drawn === 'nothing'")
            page.picture("damaged")
            problems = [] if path.name in page.text("#messages .error") else [page.text("#messages .error")]
            if f"{session}, trial 0" not in page.text("#title") or page.page.locator("#legend-part").is_visible():
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

    def lost_link(self):
        problems = []
        asked = {
            f"#/{SUBJECT}/{SESSION}/9999?show=beta": "has no trial 9999",
            f"#/{SUBJECT}/ses-77/0?show=beta": "ses-77",
            "#/sub-99/ses-01/0": "no subject sub-99",
            "#/..%2F..%2Fetc/passwd": "no subject",
        }
        for fragment, expected in asked.items():
            page = self.open(fragment)
            said = page.text("#messages .error p")
            if expected not in said:
                problems.append(f"{fragment}: {said!r}")
            if not page.text("#title").startswith("sub-"):
                problems.append(f"{fragment}: nothing is shown, {page.text('#title')!r}")
            page.context.close()
        return problems

    def two_browsers(self):
        pages = {trial: self.open(f"#/{SUBJECT}/{SESSION}/{trial}?show=beta") for trial in (2, 6)}
        problems = []
        for _ in range(3):
            for page in pages.values():
                page.page.click("#next")
        for trial, page in pages.items():
            page.drawn(f"{SUBJECT} {SESSION} {trial + 3} beta")
            voxel, shown = page.voxel()
            problems += same(shown, self.truth.trial(SESSION, trial + 3)[voxel], f"trial {trial + 3}, {voxel}")
            problems += page.complaints
            page.context.close()
        return problems

    def object_masks(self):
        page = self.open(f"#/{SUBJECT}/{SESSION}/3?show=beta")
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

    def without_images(self):
        images = self.mirror / "stimuli" / "task-images_stimuli.h5"
        aside = self.out / "images-aside.h5"
        page = self.open(f"#/{SUBJECT}/{SESSION}/3?show=beta")
        page.page.wait_for_selector("#stimulus img.pixels")
        back = "() => window.dispatchEvent(new Event('focus'))"
        try:
            images.rename(aside)
            page.page.wait_for_timeout(600)
            page.page.evaluate(back)
            page.page.wait_for_selector("#stimulus .absent code")
            page.picture("without-images")
            problems = [] if page.text("#stimulus .name") == self.truth.sessions[SESSION][3]["label"] else ["no name"]
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

    def keys(self):
        page, problems = self.main, []
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
        affine = self.truth.brain().affine
        step = nibabel.affines.apply_affine(affine, moved) - nibabel.affines.apply_affine(affine, place)
        if not np.allclose(step, [np.abs(affine[:3, 0]).max(), 0, 0]):
            problems.append(f"Shift and right moves by {step} mm")
        page.page.keyboard.press("?")
        if not page.page.locator("#keys").is_visible():
            problems.append("? shows no keys")
        page.picture("keys")
        page.page.keyboard.press("Escape")
        return problems

    def link(self):
        page = self.main
        page.page.select_option("#layout", "planes")
        page.fill("#filter", "run:1 shared")
        page.page.wait_for_timeout(200)
        fragment = page.page.evaluate("() => location.hash")
        other = self.open(fragment)
        other.drawn(f"{SUBJECT} {SESSION} 3 beta")
        other.page.wait_for_selector("#trial-3, #table .row")
        problems = []
        for selector in ("#title", "#readout", "#filter-state", "#legend-note"):
            other.page.wait_for_function("([s, t]) => document.querySelector(s).innerText === t", arg=[selector, page.text(selector)])
        if other.page.evaluate("() => location.hash") != fragment:
            problems.append(f"{fragment} became {other.page.evaluate('() => location.hash')}")
        if abs(other.colourful() - page.colourful()) > 0.02 * page.colourful():
            problems.append("the pictures differ")
        other.context.close()
        page.fill("#filter", "")
        return problems

    def download(self, page, selector):
        page.page.click("#save-menu summary")
        with page.page.expect_download() as waiting:
            page.page.click(selector)
        path = self.out / "saved" / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def saved(self):
        from PIL import Image

        page, problems = self.main, []
        path = self.download(page, "#save-map")
        image, values = nibabel.load(path), self.truth.trial(SESSION, 3)
        if not np.array_equal(np.asarray(image.dataobj), values, equal_nan=True):
            problems.append(f"{path.name}: not the values of the trial")
        if not np.allclose(image.affine, self.truth.brain().affine, atol=1e-4):
            problems.append(f"{path.name}: affine {image.affine}")
        plain = Image.open(self.download(page, "#save-picture"))
        page.page.click("#save-menu summary")
        page.page.check("#with-stimulus")
        page.page.click("#save-menu summary")
        whole = Image.open(self.download(page, "#save-picture"))
        if not (plain.width == whole.width and plain.height + 100 < whole.height):
            problems.append(f"pictures of {plain.size} and {whole.size}")
        if np.asarray(plain.convert("RGB")).std() < 10:
            problems.append("the picture is blank")
        page.page.click("#save-menu summary")
        page.page.click("#copy-command")
        page.page.wait_for_selector("#messages .command code")
        command = page.page.evaluate("() => navigator.clipboard.readText()")
        if not re.match(rf"laion-fmri .*extract .*--subject {SUBJECT}", command):
            problems.append(f"command {command!r}")
        return problems

    def own_file(self):
        page = self.main
        brain = self.truth.brain()
        values = np.full(brain.shape, np.nan, np.float32)
        half = brain.shape[0] // 2
        values[half:] = 0
        values[0, 0, 0] = -3
        # Zero inside the brain is a value; programs write it outside, where there is none.
        drawn = np.where((values == 0) & ~(np.asarray(brain.dataobj) > 0), np.nan, values)
        path = self.out / "own.nii.gz"
        nibabel.save(nibabel.Nifti1Image(values, brain.affine), path)
        before = len(page.requests)
        page.page.set_input_files("#file", str(path))
        page.page.wait_for_function("() => document.getElementById('title').textContent.includes('own.nii.gz')")
        page.page.wait_for_timeout(300)
        sent = [request.url for request in page.requests[before:] if "/api/subjects" in request.url or request.method != "GET"]
        voxels = self.axial(page)
        problems, coloured = self.compare(page, voxels, drawn, "blue-red", -3, 3, 0)
        if not 0 < coloured < len(POINTS) - 1:
            problems.append(f"{coloured} of the points are zero, which is not some of them")
        if any("own" in url for url in sent) or any(request.method != "GET" for request in page.requests):
            problems.append(f"the file was sent: {sent}")
        page.picture("own-file")
        # Far from the brain there is a zero, and the page says that it is not drawn.
        outside = np.argwhere((values == 0) & np.isnan(drawn))[-1]
        page.move(outside)
        if not page.text("#readout").endswith("0, outside the brain") or "zero outside the brain" not in page.text("#legend-note"):
            problems.append(f"{page.text('#readout')!r}, {page.text('#legend-note')!r}")
        # What is no map changes nothing that is shown.
        wrong = self.out / "nc.png"
        wrong.write_bytes(b"\x89PNG" * 200)
        page.page.set_input_files("#file", str(wrong))
        page.page.wait_for_selector("#messages .error")
        shown = page.page.eval_on_selector("#show", "(show) => show.selectedOptions[0].textContent")
        if "nc.png: the file is not NIfTI" not in page.text("#messages .error p") or shown != "own.nii.gz" or "own.nii.gz" not in page.text("#title"):
            problems.append(f"{page.text('#messages .error p')!r}, Show has {shown!r}, title {page.text('#title')!r}")
        # Another grid is said.
        other = self.out / "other.nii.gz"
        nibabel.save(nibabel.Nifti1Image(np.ones((5, 6, 7), np.float32), np.diag([4.0, 4, 4, 1])), other)
        page.page.set_input_files("#file", str(other))
        page.page.wait_for_function("() => document.getElementById('title').textContent.includes('other.nii.gz')")
        said = " ".join(page.page.locator("#messages .note p").all_inner_texts())
        if "not on the grid of the betas" not in page.text("#title") or "5 x 6 x 7" not in said:
            problems.append(f"{page.text('#title')!r}, {said!r}")
        page.page.select_option("#layout", "planes")
        return problems

    def filter(self):
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
            "captions": [f"A {nouns[number % 5]} beside a window, in the soft light of the year {number % 97}" for number in range(images)],
        }
        page = self.open(wait=False)
        page.page.route("**/api/subjects/*/trials", lambda route: route.fulfill(json=columns))
        page.page.reload()
        page.page.wait_for_function("() => document.getElementById('filter-state').textContent === '31,000 trials'")
        page.drawn()
        # What is prepared while nobody waits.
        page.page.wait_for_timeout(2500)
        runs = np.array(columns["run"])
        asked = {
            "shared": image < 1500,
            "noun:dog run:3": (image % 5 == 0) & (runs == 3),
            "window -noun:cat dataset:THINGS": (image % 5 != 1) & (image % 3 == 1),
            '"year 13" unique rep:>2': (image % 97 == 13) & (image >= 1500) & (np.array(columns["repetition"]) > 1),
        }
        problems = []
        times = {}
        def took(what):
            last = page.page.evaluate("() => performance.getEntriesByName('filter').at(-1).duration / 1000")
            times[what] = min(last, times.get(what, last))
        for _ in range(TRIES):
            for text, expected in asked.items():
                page.fill("#filter", text)
                state = f"{int(expected.sum()):,} of 31,000 trials"
                page.page.wait_for_function("(text) => document.getElementById('filter-state').textContent === text", arg=state)
                took(text)
            page.fill("#filter", "")
            page.page.wait_for_function("() => document.getElementById('filter-state').textContent === '31,000 trials'")
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

    def accessibility(self):
        problems = []
        for scheme in ("light", "dark"):
            page = self.open(f"#/{SUBJECT}/{SESSION}/3?show=beta&voxel=8,9,6&roi=FFA1&filter=colour:red", color_scheme=scheme)
            page.page.wait_for_selector("#stimulus .name")
            page.page.wait_for_selector("#voxel .responses > *")
            page.page.wait_for_timeout(500)
            for state, opens in (("open", None), ("save menu", "#save-menu summary"), ("about", "#show-about"), ("keys", "#show-keys")):
                if opens:
                    page.page.click(opens)
                page.page.evaluate(self.axe)
                found = page.page.evaluate("() => axe.run().then((result) => result.violations)")
                for violation in found:
                    targets = [node["target"] for node in violation["nodes"]][:4]
                    problems.append(f"{scheme}, {state}: {violation['id']}: {violation['help']} {targets}")
                page.picture(f"{scheme}-{state.replace(' ', '-')}")
                page.page.keyboard.press("Escape")
            page.context.close()
        return problems

    def responses(self):
        brain = np.asarray(self.truth.brain().dataobj) > 0
        values = self.truth.trial(SESSION, 0)
        place = tuple(int(index) for index in np.argwhere(brain & ~np.isnan(values))[40])
        page = self.open(f"#/{SUBJECT}/{SESSION}/3?show=beta&voxel={','.join(map(str, place))}")
        page.page.wait_for_selector("#voxel .responses .absent")
        options = ["--subject", SUBJECT, "--data-dir", str(self.mirror)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LAION_FMRI_", "XDG_"))}
        built = subprocess.run(
            [os.environ["PAGE_PROGRAM"], "store", "build", *options], env={**environment, "HOME": str(self.out / "home")},
            capture_output=True, text=True,
        )
        if built.returncode != 0:
            return [built.stderr]
        # Who has typed the command that the page offers comes back to the page.
        page.page.evaluate("() => window.dispatchEvent(new Event('focus'))")
        page.page.wait_for_selector("#voxel .strip")
        page.picture("responses")
        order = page.page.evaluate(
            "() => ['.thumbs', '.histogram', '.facts:last-of-type'].map((part) => document.querySelector(`#voxel ${part}`).getBoundingClientRect().top)"
        )
        if order != sorted(order):
            return [f"the images, all trials and the maps are at {order}"]
        page.page.locator("#voxel .histogram").scroll_into_view_if_needed()
        page.picture("responses-below")
        betas, images = self.truth.responses(place)
        means = {name: np.mean([beta for beta, image in zip(betas, images) if image == name], dtype=np.float64) for name in set(images)}
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
        page.page.wait_for_function("(name) => document.querySelector('#stimulus .name')?.textContent === name", arg=order[-2])
        thumbs.first.click()
        page.page.wait_for_function("(name) => document.querySelector('#stimulus .name')?.textContent === name", arg=order[0])
        # A voxel that the user goes to is answered where it can be seen.
        middle = np.argwhere(brain).mean(0).round().astype(int)
        page.move(middle)
        page.page.evaluate("() => { document.getElementById('right').scrollTop = 0; document.activeElement?.blur() }")
        page.page.keyboard.press("Shift+ArrowRight")
        page.page.wait_for_function(
            "(last) => { const strip = document.querySelector('#voxel .strip'); const box = strip?.getBoundingClientRect();"
            " return document.querySelector('#voxel dd').textContent !== last && box && box.top > 0 && box.bottom < innerHeight }",
            arg=", ".join(map(str, middle)),
        )
        page.context.close()
        return problems

    def wrong_token(self):
        problems = []
        wrong = f"{self.server.origin}/?token={'0' * 32}"
        page = Page(self.browser, wrong, self.pictures, wait=False)
        if page.response.status not in (401, 403):
            problems.append(f"status {page.response.status}")
        text = page.page.locator("body").inner_text()
        if "laion-fmri browse" not in text and "token" not in text:
            problems.append(f"the page says {text!r}")
        page.picture("wrong-token")
        page.context.close()
        # A page whose cookie is gone says what to do.
        page = self.open()
        page.context.clear_cookies()
        page.page.click("#trial-1")
        page.page.wait_for_selector("#messages .error")
        page.picture("cookie-gone")
        page.context.close()
        return problems

    def quiet(self):
        hosts = {request.url.split("/")[2] for request in self.main.requests if not request.url.startswith(("data:", "blob:"))}
        problems = [] if hosts == {self.server.origin.split("/")[2]} else [f"requests to {hosts}"]
        weight = sum(
            int(request.response().header_value("content-length") or 0)
            for request in self.main.requests
            if request.url.startswith(f"{self.server.origin}/assets/")
        )
        print(f"page: {weight / 1e6:.2f} MB, compressed (at most 4)")
        if not 0 < weight <= 4e6:
            problems.append(f"the page has {weight} bytes")
        script = next(request for request in self.main.requests if request.url.endswith("/assets/page.js"))
        if script.response().header_value("content-encoding") != "gzip":
            problems.append("the script is not sent compressed")
        return problems + self.main.complaints


def cases(out):
    return Cases(out).run()


if __name__ == "__main__":
    verdict.run(__doc__, cases)
