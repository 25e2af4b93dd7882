"""The command ``laion-fmri``: the one of the Rust workspace, run in this process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from laion_fmri import _native


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Parameters
    ----------
    argv : list of str, optional
        The arguments after the name of the program; those of the process by default.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    previous: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        # The command stops at a signal by itself; Python would add a traceback at the end.
        for stop in (signal.SIGINT, signal.SIGTERM):
            previous[stop] = signal.signal(stop, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        return _native.main(["laion-fmri", *map(os.fspath, arguments)])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
