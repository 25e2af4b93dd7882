"""The licence of the dataset: accepted before, by an argument, by the environment, or by an answer."""

from __future__ import annotations

import sys

from laion_fmri import _native
from laion_fmri._errors import LicenseNotAcceptedError
from laion_fmri._progress import can_ask
from laion_fmri.config import _is_on

_AGREEMENT = "I AGREE"


def obtain(dataset: _native.Dataset, accepted: bool | None) -> None:
    """Make sure that the licence is accepted for the data directory, or for a user who has none.

    Raises
    ------
    LicenseNotAcceptedError
        If it is declined, or nobody can be asked.
    """
    if _native.is_license_accepted(dataset):
        return
    if accepted is None:
        accepted = _is_on("LAION_FMRI_ACCEPT_LICENSE") or None
    if accepted is None and can_ask():
        print(_native.NOTICE, file=sys.stderr)
        accepted = input(f"Type {_AGREEMENT} to accept: ").strip() == _AGREEMENT
    if not accepted:
        error = LicenseNotAcceptedError("the license of the dataset has not been accepted")
        error.hint = "accept_license=True, or the variable LAION_FMRI_ACCEPT_LICENSE=1"
        raise error
    _native.accept_license(dataset)
