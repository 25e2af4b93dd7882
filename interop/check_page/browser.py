"""A page in headless Chromium, and what can be read from it."""

import io
import re
import time

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 1280, 720
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


class Page:
    """A page in the browser, and what can be read from it."""

    def __init__(self, browser, address, pictures, wait=True, **options):
        # What is sent and received is noted, and so is what the page complains about.
        self.context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, accept_downloads=True, **options
        )
        self.context.grant_permissions(
            ["clipboard-read", "clipboard-write"], origin=address.split("/?")[0]
        )
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
            "(key) => { const at = document.getElementById('screen')?.dataset.drawn;"
            " return key ? at === key : at }",
            arg=key,
        )
        self.settle()

    def settle(self):
        """Waits for two frames, so that what was changed is on the screen."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()

    def picture(self, name):
        self.page.screenshot(path=str(self.pictures / f"{name}.png"))

    def pixels(self, selector="#screen"):
        """The canvas, or another part, as the screen shows it, height x width x 3."""
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
        found = re.match(
            r"voxel (\d+), (\d+), (\d+)\s+·\s+mm .*?\s+·\s+(.*)$", self.text("#readout")
        )
        return tuple(int(index) for index in found.groups()[:3]), found[4]

    def move(self, voxel):
        """Moves the crosshair by the address, as a link does."""
        at = ",".join(str(index) for index in voxel)
        self.page.evaluate(
            "(at) => { const [path, asked] = location.hash.split('?');"
            " const query = new URLSearchParams(asked);"
            " query.set('voxel', at); location.hash = `${path}?${query}` }",
            at,
        )
        self.page.wait_for_function(
            "(at) => document.getElementById('readout').textContent.startsWith(`voxel ${at} `)",
            arg=at.replace(",", ", "),
        )
        self.settle()

    def slide(self, selector, value):
        """Moves a slider, as a hand does."""
        self.page.locator(selector).evaluate(
            "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }",
            value,
        )

    def fill(self, selector, text, enter=False):
        self.page.fill(selector, text)
        if enter:
            self.page.press(selector, "Enter")
        self.settle()

    def measure(self, first, last):
        """Seconds between the last marks of two names."""
        return self.page.evaluate(
            "(names) => names.map((name) => performance.getEntriesByName(name).at(-1).startTime)"
            ".reduce((first, last) => (last - first) / 1000)",
            [first, last],
        )
