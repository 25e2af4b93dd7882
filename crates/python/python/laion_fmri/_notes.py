"""Warnings and log records, shown at the line of the user's own code."""

from __future__ import annotations

import logging
import sys
import warnings

logger = logging.getLogger("laion_fmri")

_LEVELS = {"error": logging.ERROR, "info": logging.INFO, "debug": logging.DEBUG}


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, with the first frame outside of this package as the place."""
    level = 1
    frame = sys._getframe(0)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
        level += 1
    warnings.warn(text, category, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module == "laion_fmri" or module.startswith("laion_fmri.")


def deliver(level: str, text: str) -> None:
    """Pass a note of the native module on: ``warning`` as a warning, the rest to ``logging``."""
    if level == "warning":
        warn(text)
    else:
        logger.log(_LEVELS[level], "%s", text)
