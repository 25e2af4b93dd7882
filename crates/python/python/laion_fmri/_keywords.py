"""Keywords that a call does not have, and the one that was meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from laion_fmri import _arguments
from laion_fmri._errors import _wrong_type

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
            refuse_unknown(function, keywords, known)
        return function(*arguments, **keywords)

    return call


def refuse_unknown(function: Callable[..., Any], keywords: Mapping[str, object], known: list[str]) -> None:
    """Raise for the first keyword that is not known."""
    for name, value in keywords.items():
        if name in known:
            continue
        same = [word for group in _SAME if name in group for word in group if word in known]
        # Such as ddof, where there is one for each of two steps.
        ends = [word for word in known if word.endswith(f"_{name}")]
        close = same[:1] or ends or difflib.get_close_matches(name, known, n=1)
        if close:
            meant = f" (did you mean {' or '.join(map(repr, close))}?)"
            # An array has no short form.
            is_plain = _arguments.is_plain(value)
            written = ", ".join(f"{word}={_arguments.code(value)}" for word in close) if is_plain else ""
            hint = written or f"the keyword is {' or '.join(close)}"
        else:
            meant = f"; it has {', '.join(known)}"
            hint = f"help({function.__module__}.{function.__qualname__})"
        raise _wrong_type(f"{function.__name__}() has no argument {name!r}{meant}", hint)
