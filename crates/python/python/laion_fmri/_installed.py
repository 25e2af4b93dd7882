"""Whether another distribution with the same import name overwrites this one."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from laion_fmri import _notes

_OTHER = "laion-fmri"
_OURS = "laion-fmri-rs"
_PACKAGE = Path(__file__).parent
_MEND = f"to mend it: pip uninstall {_OTHER} {_OURS} && pip install {_OURS}"


def check() -> None:
    """Warn when another package has the same import name: in the same folder, or in another one.

    In the same folder, each overwrites files of the other. In another one, the order of ``sys.path`` decides
    which of them is imported.
    """
    other = _place_of_other()
    if other is not None and other.resolve() == _PACKAGE.parent.resolve():
        _notes.warn(
            f"both {_OTHER} and {_OURS} are installed, and each overwrites files of the other; {_MEND}"
        )
    elif strangers := _strangers():
        few = ", ".join(strangers[:3]) + (", ..." if len(strangers) > 3 else "")
        _notes.warn(f"another package has files in {_PACKAGE}: {few}; {_MEND}")
    elif other is not None:
        _notes.warn(
            f"{_OTHER} is installed too, in {other}; this laion_fmri is {_OURS} in {_PACKAGE.parent}; "
            f"to use one of them alone: pip uninstall {_OTHER}"
        )


def _place_of_other() -> Path | None:
    """The folder in which the other distribution is installed."""
    try:
        found = metadata.distribution(_OTHER)
    except metadata.PackageNotFoundError:
        return None
    return Path(str(found.locate_file("")))


def _strangers() -> list[str]:
    """Modules in the folder of this package that are not of this distribution, by name."""
    try:
        files = metadata.distribution(_OURS).files or []
    except metadata.PackageNotFoundError:
        return []
    own = {file.name for file in files if file.parts[:-1] == (_PACKAGE.name,)}
    if "__init__.py" not in own:
        # An editable installation does not list the files of the package.
        return []
    return sorted(path.name for path in _PACKAGE.glob("*.py") if path.name not in own)
