"""Sessions as people name them: ``ses-01``, ``1``, ``01,03``, ``01-10`` and ``all``."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from laion_fmri import _arguments, _native, _notes
from laion_fmri._arguments import SessionName, is_all
from laion_fmri._errors import DataNotDownloadedError, _invalid

_Existing = Callable[[], list[str]]

#: How many sessions of a range are named that do not exist.
_MOST_MISSING = 16


def meant_sessions(named: list[SessionName], existing: _Existing) -> dict[SessionName, str]:
    """The sessions that are meant, by the names as they were given, each once.

    ``1``, ``"1"`` and ``"ses-1"`` are ``ses-01``, unless there is a ``ses-1``.
    """
    for name in named:
        _refuse_several(name)
    there = _once(existing)
    return {name: _meant(name, lambda session: session in there()) for name in named}


def one_session(value: object, is_there: Callable[[str], bool] = lambda _: False) -> str:
    """The session of a call that takes one, by the same names."""
    name = _arguments.session(value)
    if is_several(name):
        raise _invalid(f"session {name!r} names several sessions, and this call takes one")
    return _meant(name, is_there)


def joined_sessions(named: Iterable[SessionName], existing: _Existing) -> list[str]:
    """The sessions of a call that joins several, in the order asked. ``"all"`` is an empty list.

    Beside the names of :func:`meant_sessions`, ``"01-10"`` is those of the range that exist, ``"01,03"`` is
    two sessions, and ``"all"``, which stands alone, is all of them.
    """
    parts = [part for name in named for part in _parts(name)]
    if any(is_all(part) for part in parts):
        if len(parts) > 1:
            raise _invalid('session "all" cannot be combined with other sessions')
        return []
    there = _once(existing)
    found: list[str] = []
    for part in parts:
        ends = _ends(part)
        if ends is None:
            found.append(_meant(part, lambda session: session in there()))
        else:
            found += _inside(part, *ends, there())
    return found


def _parts(name: SessionName) -> list[str]:
    """The names that commas separate."""
    parts = [part.strip() for part in str(name).split(",")]
    if "" in parts:
        raise _invalid(f'session {name!r} contains an empty name (expected "ses-01", or several: "01,03")')
    return parts


def _meant(name: SessionName, is_there: Callable[[str], bool]) -> str:
    """The full name of one session. It is asked what is there only where a zero may be left out."""
    text = str(name)
    number = re.fullmatch(r"(?:ses-?)?([0-9]+)", text)
    if number is None:
        return f"ses-{text}" if re.fullmatch("[0-9A-Za-z]+", text) else text
    full = f"ses-{number[1]}"
    return f"ses-0{number[1]}" if len(number[1]) == 1 and not is_there(full) else full


def _once(existing: _Existing) -> _Existing:
    """The same, asked when it is first needed and kept."""
    return functools.cache(existing)


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


def is_several(name: SessionName) -> bool:
    """Whether a name may stand for more than one session."""
    return is_all(name) or "," in str(name) or _ends(str(name)) is not None


def _refuse_several(name: SessionName) -> None:
    """Refuse a name of several sessions in a call that has an answer for each."""
    if is_several(name):
        raise _invalid(
            f"session {name!r} names several sessions, and this call gives an answer for each of a list",
            'session=["ses-01", "ses-02"], or session=subject.get_sessions() for all of them',
        )


@contextmanager
def fetching(named: list[SessionName]) -> Iterator[None]:
    """Where nothing of a subject is on disk, the hint downloads the sessions that were named, and no more."""
    try:
        yield
    except DataNotDownloadedError as error:
        whole = re.fullmatch(
            r'(laion_fmri\.download\.download\("sub-[^"]+")((?:, data_dir=.*)?\))', error.hint or ""
        )
        if whole is not None and named and not any(is_several(name) for name in named):
            sessions = [one_session(name) for name in named]
            written = repr(sessions if len(sessions) > 1 else sessions[0]).replace("'", '"')
            error.hint = f"{whole[1]}, ses={written}{whole[2]}"
        raise
