"""Whether another distribution with the same import name overwrites this one."""

from __future__ import annotations

from importlib import metadata

from laion_fmri import _notes

_OTHER = "laion-fmri"
_OURS = "laion-fmri-rs"


def check() -> None:
    """Warn when the Python package ``laion-fmri`` is installed too: each overwrites files of the other."""
    try:
        metadata.distribution(_OTHER)
    except metadata.PackageNotFoundError:
        return
    _notes.warn(
        f"both {_OTHER} and {_OURS} are installed, and each overwrites files of the other; "
        f"to mend it: pip uninstall {_OTHER} {_OURS} && pip install {_OURS}"
    )
