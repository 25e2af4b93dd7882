"""Access to the stimulus images: the service that grants it, and the form that it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from laion_fmri import _arguments, _license, _native
from laion_fmri._errors import (
    AccessNotFoundError,
    AccessRevokedError,
    AccessServiceError,
    TermsOutdatedError,
    WrongTypeError,
    _invalid,
)
from laion_fmri._progress import can_ask

__all__ = [
    "SERVER_URL",
    "AccessNotFoundError",
    "AccessRevokedError",
    "AccessServiceError",
    "TermsOutdatedError",
    "request_stimulus_access",
]

#: The service of the dataset; the variable ``LAION_FMRI_ACCESS_URL`` names another.
SERVER_URL = "https://laion-fmri.hebartlab.com"

#: How often a question of the form is asked.
_MOST_QUESTIONS = 5

_QUESTIONS = (
    ("name", "Your name"),
    ("email", "Your institutional email address"),
    ("institution", "Your institution"),
    ("supervisor", "Your supervisor, if you have one"),
    ("purpose", "What you will use the images for (20 characters or more)"),
)


def url_of(server_url: str) -> str | None:
    """The service for the native module: the default leaves it to the environment."""
    return None if server_url == SERVER_URL else _arguments.text(server_url, "server_url")


def request_stimulus_access(
    server_url: str = SERVER_URL, *, answers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Ask for access to the stimulus images, once; the answer is kept for this user.

    Parameters
    ----------
    server_url : str
        The access service.
    answers : dict of str to str, optional
        ``name``, ``email``, ``institution``, ``purpose``, and ``supervisor`` if there is one; with
        ``accept_terms`` the version of the terms of use that is accepted, such as ``"2026-09"``. What is
        not given is asked.

    Returns
    -------
    dict
        ``request_id`` and ``expires_at``.

    Raises
    ------
    AccessServiceError
        If the service refuses or cannot be reached, an answer is missing and nobody can be asked, or one
        that is given cannot be right.
    ValueError
        If an answer belongs to no field.
    """
    url = url_of(server_url)
    if answers is not None and not isinstance(answers, Mapping):
        raise WrongTypeError(f"answers must be a dict of strings, got {type(answers).__name__}")
    given = dict(answers or {})
    version, terms, privacy = _native.access_terms(url)
    accepted = given.pop("accept_terms", None)
    ask = _asker()
    if accepted != version:
        if ask is None:
            said = f"the terms of use, version {version} ({terms}), are not accepted"
            if accepted is not None:
                said += f": accept_terms must be their version, {version!r}, got {accepted!r}"
            raise _unanswered(said, version)
        print(f"Terms of use, version {version}: {terms}\nPrivacy notice: {privacy}")
        if not _license.asked(f"Do you accept both? Type {_license.AGREEMENT}: "):
            raise AccessServiceError("the terms of use are not accepted")
    unknown = sorted(set(given) - {key for key, _ in _QUESTIONS})
    if unknown:
        raise _invalid(f"the access form has no field {', '.join(unknown)}")
    for key, question in _QUESTIONS:
        if key in given or ask is None:
            given[key] = _given(key, given, version)
        else:
            given[key] = _answer(key, question, ask, version)
    request_id, expires_at = _native.request_access(url, given | {"terms_version": version})
    return {"request_id": request_id, "expires_at": expires_at}


def _fault(key: str, answer: str) -> str | None:
    """What is wrong with an answer. Only a supervisor may be left out."""
    if key == "supervisor" and not answer:
        return None
    return _native.answer_fault(key, answer)


def _given(key: str, given: dict[str, str], version: str) -> str:
    """An answer of the call, refused at once if it cannot be right."""
    if key not in given and key != "supervisor":
        raise _unanswered(f"{key} is missing in the access form", version)
    answer = given.get(key) or ""
    if not isinstance(answer, str):
        raise WrongTypeError(f"{key} must be a string, got {answer!r} of type {type(answer).__name__}")
    fault = _fault(key, answer.strip())
    if fault is not None:
        raise AccessServiceError(f"the access form: {fault}")
    return answer.strip()


def _answer(key: str, question: str, ask: Callable[[str], str | None], version: str) -> str:
    """The answer of a person, asked for again while something is wrong with it."""
    for _ in range(_MOST_QUESTIONS):
        typed = ask(question)
        if typed is None:
            raise _unanswered(f"{key} is missing in the access form", version)
        answer = typed.strip()
        fault = _fault(key, answer)
        if fault is None:
            return answer
        print(f"{fault[0].upper()}{fault[1:]}.")
    raise _unanswered(f"{key} is missing in the access form: {fault}", version)


def _asker() -> Callable[[str], str | None] | None:
    return (lambda question: _license.answered(f"{question}: ")) if can_ask() else None


def _unanswered(message: str, version: str) -> AccessServiceError:
    """What nobody has answered; the hint has all answers that are needed."""
    needed = [f'"accept_terms": "{version}"']
    needed += [f'"{key}": ...' for key, _ in _QUESTIONS if key != "supervisor"]
    error = AccessServiceError(message)
    error.hint = (
        f"laion_fmri.request_stimulus_access(answers={{{', '.join(needed)}}}), "
        "or the variable LAION_FMRI_REQUEST_ID"
    )
    return error
