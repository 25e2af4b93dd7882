"""Sessions as people name them: ``ses-01``, ``1``, ``01,03``, ``01-10`` and ``all``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from laion_fmri import _native, _notes
from laion_fmri._arguments import is_all
from laion_fmri._errors import DataNotDownloadedError, _invalid

_Existing = Callable[[], list[str]]

#: How many sessions of a range are named that do not exist.
_MOST_MISSING = 16


def meant_sessions(named: list[str], existing: _Existing) -> dict[str, str]:
    """The sessions that are meant, by the names as they were given, each once.

    ``"1"`` and ``"ses-1"`` are ``ses-01`` where that exists and ``ses-1`` does not.
    """
    for name in named:
        _refuse_several(name)
    meant = {name: name for name in named}
    short = [name for name in meant if re.fullmatch(r"(ses-)?[0-9]", name)]
    there = existing() if short else []
    for name in short:
        digit = name.removeprefix("ses-")
        if f"ses-{digit}" not in there and f"ses-0{digit}" in there:
            meant[name] = f"ses-0{digit}"
    return meant


def joined_sessions(named: Iterable[str], existing: _Existing) -> list[str]:
    """The sessions of a call that joins several, in the order asked. ``"all"`` is an empty list.

    Beside the names of :func:`meant_sessions`, ``"01-10"`` is those of the range that exist, ``"01,03"`` is
    two sessions, and ``"all"``, which stands alone, is all of them.
    """
    parts = [part.strip() for name in named for part in name.split(",")]
    if any(is_all(part) for part in parts):
        if len(parts) > 1:
            raise _invalid('session "all" cannot be combined with other sessions')
        return []
    found: list[str] = []
    for part in parts:
        ends = _ends(part)
        if ends is None:
            found += meant_sessions([part], existing).values()
        else:
            found += _inside(part, *ends, existing())
    return found


def _ends(name: str) -> tuple[int, int] | None:
    """The first and the last number of a range."""
    found = re.fullmatch(r"(?:ses-)?([0-9]+)-(?:ses-)?([0-9]+)", name)
    return None if found is None else (int(found[1]), int(found[2]))


def _inside(name: str, first: int, last: int, existing: list[str]) -> list[str]:
    """The sessions of a range that exist, ascending; a warning names those that do not."""
    if first > last:
        raise _invalid(f'session {name!r} contains no session (expected FIRST-LAST, such as "01-10")')
    numbers = {session: session.removeprefix("ses-") for session in existing}
    there = {int(number): session for session, number in numbers.items() if number.isdecimal()}
    inside = [there[number] for number in sorted(there) if first <= number <= last]
    if not inside:
        listed = ", ".join(existing) or "none"
        raise _invalid(f"no session is in the range {name!r}; sessions: {listed}")
    n_missing = last - first + 1 - len(inside)
    missing: list[str] = []
    for number in range(first, last + 1):
        if len(missing) == _MOST_MISSING:
            break
        if number not in there:
            missing.append(f"ses-{number:02d}")
    if missing:
        more = ", ..." if n_missing > len(missing) else ""
        _notes.warn(f"of the range {name}, {', '.join(missing)}{more} are not there and were left out")
    return inside


def note_left_out(subject: _native.Subject, name: str) -> None:
    """Warn where all sessions are meant and the betas of some are not on disk.

    Those are sessions with a trial table, and those of the bucket as it was last listed.
    """
    there = set(subject.sessions_with_betas())
    known = sorted(there.union(subject.sessions(), subject.sessions_listed() or []))
    missing = [session for session in known if session not in there]
    # What has no betas at all is an error of its own.
    if missing and there:
        named = ", ".join(missing)
        _notes.warn(f"{name}: betas of {len(there)} of {len(known)} sessions are on disk; left out: {named}")


def is_several(name: str) -> bool:
    """Whether a name may stand for more than one session."""
    return is_all(name) or "," in name or _ends(name) is not None


def _refuse_several(name: str) -> None:
    """Refuse a name of several sessions in a call that has an answer for each."""
    if is_several(name):
        raise _invalid(
            f"session {name!r} names several sessions, and this call gives an answer for each of a list",
            'session=["ses-01", "ses-02"], or session=subject.get_sessions() for all of them',
        )


@contextmanager
def fetching(named: list[str]) -> Iterator[None]:
    """Where nothing of a subject is on disk, the hint downloads the sessions that were named, and no more."""
    try:
        yield
    except DataNotDownloadedError as error:
        whole = re.fullmatch(r'(laion_fmri\.download\.download\("sub-[^"]+")\)', error.hint or "")
        if whole is not None and named and not any(is_several(name) for name in named):
            sessions = [f"ses-{name.removeprefix('ses-'):0>2}" for name in named]
            written = repr(sessions if len(sessions) > 1 else sessions[0]).replace("'", '"')
            error.hint = f"{whole[1]}, ses={written})"
        raise
