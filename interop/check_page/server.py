"""A running `laion-fmri browse`."""

import os
import re
import signal
import subprocess
from pathlib import Path


def environment(home):
    """The variables of this process without those that the command reads, with another home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAION_FMRI_", "XDG_"))}
    return {**kept, "HOME": str(home)}


class Server:
    """A running `laion-fmri browse`."""

    def __init__(self, mirror, *options):
        always = ["--no-open", "--port", "0", "--data-dir", str(mirror)]
        command = [os.environ["PAGE_PROGRAM"], "browse", *always, *options]
        home = Path(mirror).with_name("home")
        home.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(home),
        )
        self.address = self.process.stdout.readline().strip()
        form = r"http://127\.0\.0\.1:\d+/\?token=[0-9a-f]+"
        assert re.fullmatch(form, self.address), self.address
        self.origin = self.address.split("/?")[0]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)
