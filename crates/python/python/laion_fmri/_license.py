"""The licence of the dataset: accepted before, by an argument, by the environment, or by an answer."""

from __future__ import annotations

import sys

from laion_fmri import _arguments, _native
from laion_fmri._errors import LicenseNotAcceptedError
from laion_fmri._progress import can_ask
from laion_fmri.config import _is_on

AGREEMENT = "I AGREE"
#: How often the question is asked.
_MOST_QUESTIONS = 3


def obtain(dataset: _native.Dataset, accepted: bool | None) -> None:
    """Make sure that the licence is accepted for the data directory, or for a user who has none.

    Raises
    ------
    LicenseNotAcceptedError
        If it is declined, or nobody can be asked.
    """
    accepted = given(accepted)
    if _native.is_license_accepted(dataset):
        return
    if accepted is None:
        accepted = _is_on("LAION_FMRI_ACCEPT_LICENSE") or None
    if accepted is None and can_ask():
        print(_native.NOTICE, file=sys.stderr)
        accepted = asked(f"Type {AGREEMENT} to accept: ")
    if not accepted:
        error = LicenseNotAcceptedError("the license of the dataset has not been accepted")
        error.hint = "accept_license=True, or the variable LAION_FMRI_ACCEPT_LICENSE=1"
        raise error
    _native.accept_license(dataset)


def given(accepted: bool | None) -> bool | None:
    """The argument of a call that accepts the licence or declines it."""
    # A text such as "no" would agree.
    return None if accepted is None else _arguments.flag(accepted, "accept_license")


def answered(question: str) -> str | None:
    """What a person types, or nothing when there is nobody who can."""
    try:
        return input(question)
    except EOFError:
        return None
    except Exception as error:
        # IPython has a class of its own, and it is not there without IPython.
        if type(error).__name__ != "StdinNotImplementedError":
            raise
        return None


def asked(question: str) -> bool:
    """Whether a person agrees, in any case and with or without quotes; an empty answer declines.

    Another answer is a mistake, and the question comes again. Nobody accepts when the input ends, or when a
    notebook is executed without a person.
    """
    for number in range(_MOST_QUESTIONS):
        if number:
            print(f"That is neither {AGREEMENT} nor an empty answer, which declines.", file=sys.stderr)
        answer = answered(question)
        if answer is None:
            return False
        words = answer.strip().strip("\"'\u201c\u201d").split()
        if not words:
            return False
        if " ".join(words).upper() == AGREEMENT:
            return True
    return False
