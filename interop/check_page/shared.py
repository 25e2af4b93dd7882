"""What all checks share: files, server, browser, and one page that goes through many checks."""

import os
from pathlib import Path

from .browser import FLAGS, Page
from .server import Server
from .truth import Truth


class Shared:
    """What a check is given: each is a function of it that returns a list of problems."""

    def __init__(self, out):
        self.out, self.mirror, self.pictures = out, out / "mirror", out / "pictures"
        self.pictures.mkdir(exist_ok=True)
        self.truth = Truth(self.mirror)
        self.axe = Path(os.environ["PAGE_AXE"]).read_text("utf-8")
        self.server = Server(self.mirror)
        #: The page of the first check, which the later ones go on with.
        self.main = None

    def launch(self, playwright):
        self.browser = playwright.chromium.launch(
            executable_path=os.environ["PAGE_CHROMIUM"],
            args=FLAGS,
            env={**os.environ, "LD_LIBRARY_PATH": os.environ["PAGE_LIBRARIES"]},
        )

    def open(self, fragment="", **options):
        return Page(self.browser, self.server.address + fragment, self.pictures, **options)

    def download(self, page, selector):
        page.page.click("#save-menu summary")
        with page.page.expect_download() as waiting:
            page.page.click(selector)
        path = self.out / "saved" / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path
