"""The exceptions of the package. Each has a ``hint``: what would help, or ``None``."""

from __future__ import annotations

import os
from errno import EACCES, EPERM
from typing import Any, TypeVar

__all__ = [
    "AccessNotFoundError",
    "AccessRevokedError",
    "AccessServiceError",
    "DataDirNotSetError",
    "DataDirUnusableError",
    "DataIntegrityError",
    "DataNotDownloadedError",
    "DataNotFoundError",
    "InternalError",
    "InvalidRequestError",
    "LicenseNotAcceptedError",
    "MissingPackageError",
    "NoMatchingDataError",
    "OfflineError",
    "OutOfMemoryError",
    "OutOfRangeError",
    "StimuliNotDownloadedError",
    "SubjectNotFoundError",
    "TermsOutdatedError",
    "TransferError",
    "UnknownNameError",
    "WrongTypeError",
]


class _Hinted(Exception):
    """An exception that shows what would help."""

    hint: str | None = None

    def __str__(self) -> str:
        message = str(self.args[0]) if len(self.args) == 1 else super().__str__()
        return message if self.hint is None else f"{message}\n  hint: {self.hint}"


_E = TypeVar("_E", bound=_Hinted)


class DataDirNotSetError(_Hinted, Exception):
    """No data directory is configured."""


class DataDirUnusableError(_Hinted, FileNotFoundError):
    """The data directory does not exist or is not a directory."""


class DataNotFoundError(_Hinted, FileNotFoundError):
    """Data that were asked for are neither on disk nor in the bucket."""


class DataNotDownloadedError(DataNotFoundError):
    """A file that the call needs is not on disk."""


class NoMatchingDataError(DataNotFoundError):
    """Nothing in the bucket fits the request."""


class _NoStimulusFileError(NoMatchingDataError, RuntimeError):
    """The bucket does not have a derived stimulus file."""


class SubjectNotFoundError(_Hinted, ValueError):
    """A malformed subject id, or a subject that does not exist."""


class WrongTypeError(_Hinted, TypeError):
    """An argument of another type than the call takes."""


class _SubjectTypeError(SubjectNotFoundError, WrongTypeError):
    """A subject id that is not a string."""


class StimuliNotDownloadedError(_Hinted, FileNotFoundError):
    """A file of the stimulus side is not on disk."""


class LicenseNotAcceptedError(_Hinted, RuntimeError):
    """The licence of the dataset has not been accepted."""


class InvalidRequestError(_Hinted, ValueError):
    """Arguments that are unknown, out of bounds or contradict each other."""


class MissingPackageError(_Hinted, ImportError):
    """A package of an extra that the call needs is not installed."""


class OutOfRangeError(_Hinted, IndexError):
    """An item past the end of a table or a file."""


class UnknownNameError(_Hinted, KeyError):
    """A name of an image, a noun, a model, an array or a subject that is not there."""


class DataIntegrityError(_Hinted, ValueError):
    """A file is damaged, or files that belong together do not fit."""


class TransferError(_Hinted, OSError):
    """The bucket cannot be reached, or files did not arrive.

    Attributes
    ----------
    failures : dict of str to str
        The files that did not arrive, each with the reason.
    """

    failures: dict[str, str]

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.failures = {}


class OfflineError(_Hinted, RuntimeError):
    """A call needs the network, and offline mode is on."""


class OutOfMemoryError(_Hinted, MemoryError):
    """An array does not fit into memory."""


class AccessServiceError(_Hinted, RuntimeError):
    """The service that grants access to the stimulus images refuses, or cannot be used."""


class TermsOutdatedError(AccessServiceError):
    """The terms of use have changed since they were accepted.

    Attributes
    ----------
    accept_url : str
        Where the new terms are accepted.
    terms_version : str
        Their version.
    """

    accept_url: str = ""
    terms_version: str = ""


class AccessRevokedError(AccessServiceError):
    """Access to the stimulus images was revoked."""


class AccessNotFoundError(AccessServiceError):
    """The service does not know the request id."""


class _DeniedError(_Hinted, PermissionError):
    """A file or a folder that this user may not read or write."""


class InternalError(_Hinted, RuntimeError):
    """A mistake of this package."""


def _build(name: str, message: str, hint: str | None, details: dict[str, Any]) -> BaseException:
    """Make the exception of an error of the native module."""
    if name == "KeyboardInterrupt":
        return KeyboardInterrupt()
    errno, filename = details.pop("errno", None), details.pop("filename", None)
    error: Any
    if name == "OSError":
        # The number picks the subclass, such as PermissionError.
        known = errno is not None
        if errno in (EACCES, EPERM):
            error = _DeniedError(errno, message)
            hint = hint or "check the permissions of the file and its folder"
        else:
            # The reason comes last in the message, with its number, which the exception has as well.
            reason = os.strerror(errno) if known else ""
            short = message.removesuffix(f" (os error {errno})")
            said = short if reason and short.endswith(reason) else f"{reason}: {message}"
            error = OSError(errno, said) if known else OSError(message)
    else:
        error = globals()[name](message)
        if isinstance(error, OSError) and errno is not None:
            error.errno = errno
    error.hint = hint
    if isinstance(error, OSError) and filename is not None:
        error.filename = os.fspath(filename)
    for key, value in details.items():
        setattr(error, key, value)
    return error  # type: ignore[no-any-return]


def _hinted(kind: type[_E], message: str, hint: str | None) -> _E:
    """An exception of a class, with a hint."""
    error = kind(message)
    error.hint = hint
    return error


def _invalid(message: str, hint: str | None = None) -> InvalidRequestError:
    """An :class:`InvalidRequestError` with a hint."""
    return _hinted(InvalidRequestError, message, hint)


def _wrong_type(message: str, hint: str | None = None) -> WrongTypeError:
    """A :class:`WrongTypeError` with a hint."""
    return _hinted(WrongTypeError, message, hint)


def _missing(message: str, install: str) -> MissingPackageError:
    """A :class:`MissingPackageError` with the command that installs the package."""
    return _hinted(MissingPackageError, message, install)
