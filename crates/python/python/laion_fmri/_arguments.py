"""Arguments in the forms that users have, checked and made plain for the native module."""

from __future__ import annotations

import difflib
import errno
import json
import operator
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from laion_fmri import _notes
from laion_fmri._errors import OutOfRangeError, _hinted, _invalid, _wrong_type

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

#: One session: its name, or its number.
SessionName = str | int
Session = SessionName | Iterable[SessionName]
Roi = str | Iterable[str]


class Selection(TypedDict):
    """Which betas, but for sessions and voxels, as the native module takes it."""

    threshold: float | None
    desc: str | None
    trials: list[int] | None
    stimuli: str | None


class SpaceOptions(TypedDict):
    """How values get to a surface or a template, as the native module takes it."""

    hemi: str
    surface: str
    depths: list[float] | None
    interpolation: str
    density: str
    fsaverage: list[str]


class SliceOptions(TypedDict):
    """Which slices are drawn, and of which values, as the native module takes it."""

    plane: str
    n_slices: int
    threshold: float
    is_diverging: bool


VoxelArguments = tuple["list[str] | None", "NDArray[np.bool_] | None", str]


def check_subject(value: object) -> None:
    """Refuse what is no :class:`laion_fmri.Subject`."""
    from laion_fmri.subject import Subject

    if not isinstance(value, Subject):
        hint = f"laion_fmri.load_subject({code(value)})" if isinstance(value, str) else None
        raise _wrong_type(f"subject must be a Subject, as load_subject returns, got {typed(value)}", hint)


#: Values of more characters are left out of messages and hints.
_MOST_SHOWN = 120


def typed(value: object) -> str:
    """A value and its type, as messages have them."""
    kind, shown = type(value).__name__, repr(value)
    return f"{shown} of type {kind}" if len(shown) <= _MOST_SHOWN else f"a value of type {kind}"


def code(value: object) -> str:
    """A value as it is written in a call, texts in double quotes."""
    if isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, float):
        # Those of numpy write their type.
        return repr(float(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(code, value))}]"
    return repr(value)


def is_plain(value: object) -> bool:
    """Whether a value can be written in a hint: a short text, a number, a flag, or a list of them."""
    items = value if isinstance(value, (list, tuple)) else [value]
    is_known = all(item is None or isinstance(item, (str, int, float)) for item in items)
    return is_known and len(code(value)) <= _MOST_SHOWN


def text(value: object, name: str) -> str:
    """One text."""
    if not isinstance(value, str):
        raise _wrong_type(f"{name} must be a string, got {typed(value)}")
    return str(value)


def optional_text(value: object, name: str) -> str | None:
    return None if value is None else text(value, name)


def path(value: object, name: str) -> Path:
    """A file or a folder, which need not be there."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str):
        raise _wrong_type(f"{name} must be a path, got {typed(value)}")
    return Path(found)


def _array(value: object, name: str, what: str) -> NDArray[Any]:
    """What numpy makes of a value; a single one is of another type."""
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError as error:
        raise _invalid(f"{name} must be an array of {what}: {error}") from None
    if array.ndim == 0:
        raise _wrong_type(f"{name} must be an array of {what}, got {typed(value)}")
    return array


def numbers(value: object, name: str, dtype: str = "float32") -> NDArray[Any]:
    """Numbers as an array of this type, in C order."""
    import numpy as np

    array = _array(value, name, "numbers")
    if array.dtype.kind not in "biufO":
        raise _wrong_type(f"{name} must be an array of numbers, got {array.dtype}")
    try:
        return np.asarray(array, dtype=dtype, order="C")
    except (TypeError, ValueError):
        # Objects that are none, such as texts and None.
        raise _wrong_type(f"{name} must be an array of numbers, got {typed(value)}") from None


def flag(value: object, name: str) -> bool:
    """True or false. A text such as ``"no"`` is neither."""
    import numpy as np

    if isinstance(value, (bool, np.bool_)) or as_integer(value) in (0, 1):
        return bool(value)
    meant = {"no": False, "false": False, "off": False, "yes": True, "true": True, "on": True}
    known = meant.get(value.lower()) if isinstance(value, str) else None
    hint = None if known is None else f"{name}={known}"
    raise _wrong_type(f"{name} must be True or False, got {typed(value)}", hint)


def texts(value: object, name: str) -> list[str]:
    """One text, or several."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, (bytes, Mapping)):
        kind = type(value).__name__
        raise _wrong_type(f"{name} must be a string or a list of strings, got {kind}")
    items = list(value)
    for item in items:
        if not isinstance(item, str):
            kind = type(item).__name__
            raise _wrong_type(f"{name} must hold strings, got {item!r} of type {kind}")
    return [str(item) for item in items]


def rois(value: object, name: str) -> list[str]:
    """One query or several, of which the union is taken."""
    if _is_mask(value):
        kind = getattr(value, "dtype", "flags")
        message = f"{name} must be a string or a list of strings, got an array of {kind}"
        raise _wrong_type(message, 'subject.get_betas("ses-01", mask=flags)')
    queries = texts(value, name)
    if not queries:
        raise _invalid(f"{name} is an empty list, which selects nothing: name at least one ROI")
    return queries


def _is_mask(value: object) -> bool:
    """Whether a value is flags or numbers, as masks are."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    is_flags = isinstance(value, (list, tuple)) and bool(value) and all(type(it) is bool for it in value)
    return kind in ("b", "i", "u", "f") or is_flags


def is_all(value: object) -> bool:
    """Whether a value is the word for everything there is; case does not count."""
    return isinstance(value, str) and value.lower() == "all"


def is_one_session(value: object) -> bool:
    """Whether a session is given by itself, and not in a list."""
    is_item = isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable)
    # Arrays of numpy without a dimension are numbers.
    return is_item or getattr(value, "ndim", None) == 0


def sessions(value: object) -> list[SessionName]:
    """The sessions that a call needs, as the caller spelled them."""
    if value is None:
        raise _invalid('session is required, such as "ses-01" or a list of sessions', 'session="ses-01"')
    items = [value] if is_one_session(value) else list(value)  # type: ignore[call-overload]
    named = [session(item) for item in items]
    if not named:
        hint = "session=subject.get_sessions()"
        raise _invalid("session is required: the list of sessions is empty", hint)
    return named


def session(value: object) -> SessionName:
    """One session, as the caller spelled it."""
    if isinstance(value, str):
        return str(value)
    number = as_integer(value)
    if number is not None and number >= 0:
        return number
    message = f'session must be a string such as "ses-01", or its number, got {typed(value)}'
    raise _wrong_type(message)


def mask_source(value: object, name: str = "mask_source") -> str:
    from laion_fmri._constants import MASK_SOURCES

    if text(value, name) not in MASK_SOURCES:
        message = f"unknown mask source {value!r} (expected one of {', '.join(MASK_SOURCES)})"
        raise _invalid(message, nearest(str(value), name, MASK_SOURCES))
    return str(value)


def _one_dimension(value: object, name: str, what: str) -> NDArray[Any]:
    """An array of one dimension."""
    array = _array(value, name, what)
    if array.ndim != 1:
        raise _invalid(f"{name} must have one dimension, got shape {array.shape}")
    return array


def flags(value: ArrayLike, name: str) -> NDArray[np.bool_]:
    """Flags as an array: of booleans, or of zeros and ones."""
    import numpy as np

    array = _one_dimension(value, name, "flags")
    if array.dtype.kind == "O" and all(isinstance(flag, (bool, np.bool_)) for flag in array):
        # Of pandas, whose nullable flags have none missing.
        array = array.astype(np.bool_)
    if array.dtype != np.bool_:
        if array.dtype.kind not in "iuf":
            raise _wrong_type(f"{name} must hold booleans, one for each voxel, got {array.dtype}")
        if not np.isin(array, (0, 1)).all():
            raise _invalid(f"{name} must hold booleans, one for each voxel, got {array.dtype}")
        array = array.astype(np.bool_)
    return np.ascontiguousarray(array)


def voxels(roi: object, mask: ArrayLike | None, source: object) -> VoxelArguments:
    """The choice of voxels for the native module."""
    if roi is not None and mask is not None:
        query = code(roi) if is_plain(roi) else "roi"
        raise _invalid(
            "roi and mask are mutually exclusive",
            f"mask=subject.get_roi_mask({query}) & mask",
        )
    if isinstance(mask, str):
        raise _wrong_type(f"mask must be an array of flags, got {typed(mask)}", _meant_mask(mask, source))
    chosen = None if roi is None else rois(roi, "roi")
    return chosen, None if mask is None else flags(mask, "mask"), mask_source(source)


def _meant_mask(text: str, source: object) -> str | None:
    """The argument that a text in the place of a mask stands for: an ROI, or what a file holds."""
    if text.endswith((".nii", ".nii.gz")):
        return f"mask=laion_fmri.io.load_nifti_mask({code(text)})[subject.get_brain_mask({code(source)})]"
    return None if "." in text or "/" in text else f"roi={code(text)}"


def as_integer(value: Any) -> int | None:
    """An integer of Python or numpy, or nothing. ``True`` is none: a flag at its place is a mistake."""
    # Those of numpy 1 are integers to Python.
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool":
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def integer(value: Any, name: str) -> int:
    """An integer of Python or numpy."""
    number = as_integer(value)
    if number is None:
        meant = str(value).removesuffix(".0")
        is_meant = isinstance(value, (str, float)) and meant.isdecimal() and name.isidentifier()
        hint = f"{name}={int(meant)}" if is_meant else None
        raise _wrong_type(f"{name} must be an integer, got {typed(value)}", hint)
    return number


def count(value: Any, name: str) -> int:
    """An integer that is not negative."""
    number = integer(value, name)
    if number < 0:
        raise _invalid(f"{name} must not be negative, got {number}")
    return number


def choice(value: object, name: str, known: Sequence[str]) -> str:
    """One of the words that an argument takes."""
    if not isinstance(value, str):
        raise _wrong_type(f"{name} must be a string, got {typed(value)}")
    if value not in known:
        message = f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}"
        raise _invalid(message, nearest(value, name, known))
    return value


def nearest(value: str, name: str, known: Sequence[str]) -> str | None:
    """The argument with the known word that is most like another one."""
    by_lower = {word.lower(): word for word in reversed(known) if _may_be_meant(value, word, known)}
    close = difflib.get_close_matches(value.lower(), by_lower, n=1)
    meant = subject_meant(value, known) or (by_lower[close[0]] if close else None)
    return None if meant is None else f"{name}={code(meant)}"


def _may_be_meant(value: str, word: str, known: Sequence[str]) -> bool:
    """Whether a word has the number of a text. One without a number means no numbered one of several."""
    numbers, in_word = (re.findall("[0-9]+", text) for text in (value, word))
    alike = [other for other in known if re.split("[0-9]+", other) == re.split("[0-9]+", word)]
    return numbers == in_word or (not numbers and len(alike) == 1)


def subject_meant(value: str, known: Sequence[str]) -> str | None:
    """The subject that is known and that a text spells in another way, such as ``"3"`` and ``"Sub-03"``."""
    digits = re.fullmatch(r"(?:sub(?:ject)?[-_ ]?)?0*([0-9]{1,2})", value.strip().lower())
    subject = None if digits is None else f"sub-{int(digits[1]):02d}"
    return subject if subject in known else None


#: As for the command: M are powers of 1,000 and Mi powers of 1,024, each with or without a B behind it.
_UNITS = {"": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS |= {_letter: 1000**_power, f"{_letter}i": 1024**_power}


def size(value: Any, name: str) -> int | None:
    """A number of bytes: an integer, or a text such as ``"2GiB"`` or ``"500MB"``."""
    if value is None:
        return None
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([A-Za-z]*)\s*", value)
        unit = None if found is None else _UNITS.get(found[2].lower().removesuffix("b"))
        if found is None or unit is None:
            message = f'{name} must be a number of bytes such as 2147483648 or "2GiB", got {value!r}'
            raise _invalid(message, f'{name}="2GiB"')
        return round(float(found[1]) * unit)
    return count(value, name)


def output(value: object, name: str, suffixes: tuple[str, ...]) -> Path:
    """Where a file goes: its folder has to be there, and its name ends as one of the suffixes."""
    found = path(value, name)
    if not found.name.endswith(suffixes):
        # As it was written: a path has no separator at its end.
        written = str(value) if isinstance(value, str) else str(found)
        message = f"{name} must end in {' or '.join(suffixes)}, got {written!r}"
        raise _invalid(message, f"{name}={code(str(found.with_suffix(suffixes[0])))}" if found.name else None)
    folder(found.parent, name)
    return found


def folder(place: Path, name: str, *, is_argument: bool = False) -> None:
    """Refuse a folder that is not there, before anything is read: that of an argument, or itself one."""
    if not place.is_dir():
        error: Any
        if place.exists():
            what = f"{name} is a directory, not a file" if is_argument else f"the folder of {name} is a file"
            error = OSError(errno.ENOTDIR, what, str(place))
            error.hint = None
        else:
            what = f"{name} is a directory, and it" if is_argument else f"the folder of {name}"
            error = OSError(errno.ENOENT, f"{what} does not exist", str(place))
            error.hint = f"import os; os.makedirs({code(str(place))})"
        raise error


def index(value: Any, length: int, what: str) -> int:
    """A position in a sequence; negative ones count from the end."""
    position = integer(value, what)
    if not -length <= position < length:
        message = f"there are {length} {what}s, so there is no {what} {position}"
        hint = f"the last {what} is {length - 1}, or -1" if length else None
        raise _hinted(OutOfRangeError, message, hint)
    return position % length


def threshold(value: Any) -> float | None:
    if value is None:
        return None
    import numpy as np

    if isinstance(value, (str, bytes, bool, np.bool_)) or np.ndim(value) != 0:
        raise _wrong_type(f"nc_threshold must be a number of percent, got {typed(value)}", "nc_threshold=20")
    try:
        return float(value)
    except (TypeError, ValueError):
        kind = type(value).__name__
        message = f"nc_threshold must be a number of percent, got {kind}"
        raise _wrong_type(message, "nc_threshold=20") from None


def number(value: Any, name: str) -> float:
    """A finite number of Python or numpy."""
    import math

    if isinstance(value, (str, bytes, bool)):
        raise _wrong_type(f"{name} must be a number, got {typed(value)}")
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise _wrong_type(f"{name} must be a number, got {type(value).__name__}") from None
    if not math.isfinite(found):
        raise _invalid(f"{name} must be a finite number, got {value!r}")
    return found


def stimulus_set(value: object) -> str | None:
    if value is None:
        return None
    return choice(value, "stimuli", ("shared", "unique"))


def rows(value: ArrayLike | Sequence[int] | None) -> list[int] | None:
    """Trials counted within a session, by number or by flags."""
    import numpy as np

    if value is None:
        return None
    array = _one_dimension(value, "trials", "integers or flags")
    if array.dtype == np.bool_:
        return np.flatnonzero(array).tolist()
    if array.size and array.dtype.kind not in "iu":
        raise _wrong_type(f"trials must hold integers or booleans, got {array.dtype}")
    if (array < 0).any():
        message = "trials are counted from 0 within each session, got a negative one"
        raise _invalid(message, 'trials=[len(subject.get_trial_info("ses-01")) - 1]')
    return [int(row) for row in array]


def selection(
    nc_threshold: Any,
    nc_desc: str | None,
    trials: ArrayLike | Sequence[int] | None = None,
    stimuli: object = None,
) -> Selection:
    """The choice of trials, and of voxels by their noise ceiling, for the native module."""
    percent, desc = threshold(nc_threshold), optional_text(nc_desc, "nc_desc")
    note_unused_map(percent, desc)
    return {
        "threshold": percent,
        "desc": desc,
        "trials": rows(trials),
        "stimuli": stimulus_set(stimuli),
    }


def note_unused_map(percent: float | None, desc: str | None) -> None:
    """Warn where the map of a threshold is named, and no threshold."""
    if desc is not None and percent is None:
        _notes.warn(
            f"nc_desc={code(desc)} is not used: it names the map for nc_threshold, which is not given, "
            "so that it leaves out no voxel"
        )
