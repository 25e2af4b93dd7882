"""Keywords that a call does not have, and the one that was meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from laion_fmri._errors import WrongTypeError

_P = ParamSpec("_P")
_R = TypeVar("_R")

#: Words for one thing, of which each call has its own.
_SAME = (
    ("session", "sessions", "ses"),
    ("subject", "subjects", "sub"),
    ("roi", "rois", "query", "queries"),
    ("n_jobs", "jobs", "num_workers"),
    ("output", "output_path", "out"),
)


def suggests(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a call with an unknown keyword say which one was meant."""
    known = [name for name in inspect.signature(function).parameters if name != "self"]

    @functools.wraps(function)
    def call(*arguments: _P.args, **keywords: _P.kwargs) -> _R:
        if not keywords.keys() <= set(known):
            refuse_unknown(function.__name__, keywords, known)
        return function(*arguments, **keywords)

    return call


def refuse_unknown(function: str, keywords: Iterable[str], known: list[str]) -> None:
    """Raise for the first keyword that is not known."""
    for name in keywords:
        if name in known:
            continue
        same = [word for group in _SAME if name in group for word in group if word in known]
        close = same or difflib.get_close_matches(name, known, n=1)
        meant = f" (did you mean {close[0]!r}?)" if close else f"; it has {', '.join(known)}"
        raise WrongTypeError(f"{function}() has no argument {name!r}{meant}")
