"""Progress of long calls: a tqdm bar, a callable, or nothing."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from laion_fmri._errors import WrongTypeError, _missing

Progress = bool | Callable[[int, int, str], object] | None


def is_interactive() -> bool:
    """Whether a person types the calls: a notebook or a prompt."""
    return is_notebook() or hasattr(sys, "ps1") or bool(sys.flags.interactive)


def is_notebook() -> bool:
    """Whether the calls come from a notebook."""
    return "ipykernel" in sys.modules


def can_ask() -> bool:
    """Whether there is a person to ask."""
    return is_interactive() or (sys.stdin is not None and sys.stdin.isatty())


def _tqdm(required: bool) -> Any:
    try:
        with warnings.catch_warnings():
            # Without ipywidgets it warns in a notebook, and its bar of text is good enough.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        if required:
            raise _missing("progress=True needs tqdm; a callable needs nothing", "pip install tqdm") from None
        return None
    return tqdm


def _resize(bar: Any, total: int) -> None:
    """Another total, since sessions and files come up one after the other."""
    bar.total = total
    # The widget of a notebook has an end of its own.
    for part in getattr(getattr(bar, "container", None), "children", ()):
        if hasattr(part, "max"):
            part.max = total


@contextmanager
def shown(progress: Progress, what: str) -> Iterator[Callable[[int, int, str], object] | None]:
    """What a native call reports to: ``(done, total, unit)``.

    Parameters
    ----------
    progress : bool, callable or None
        ``True`` for a tqdm bar, ``False`` for nothing, ``None`` for a bar at a prompt on a terminal;
        or a callable of the counts and their unit (``"volumes"``, ``"rows"``, ``"bytes"``).
    what : str
        What the bar is about.
    """
    if progress is not None and not isinstance(progress, bool) and not callable(progress):
        got = f"{progress!r} of type {type(progress).__name__}"
        raise WrongTypeError(f"progress must be True, False, None or a callable, got {got}")
    if callable(progress):
        yield progress
        return
    # A bar that nobody asked for would stay in a notebook as an output of its cell.
    wanted = is_interactive() and not is_notebook() if progress is None else bool(progress)
    tqdm = _tqdm(required=bool(progress)) if wanted else None
    if tqdm is None:
        yield None
        return
    bar: Any = None

    def update(done: int, total: int, unit: str) -> None:
        nonlocal bar
        if bar is None:
            size = unit == "bytes"
            bar = tqdm(desc=what, unit="B" if size else f" {unit}", unit_scale=size, total=total)
        if bar.total != total:
            _resize(bar, total)
        bar.update(done - bar.n)

    try:
        yield update
    finally:
        if bar is not None:
            bar.close()
