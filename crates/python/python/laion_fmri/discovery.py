"""What the bucket holds, asked without downloading anything."""

from __future__ import annotations

from laion_fmri import _notes
from laion_fmri._keywords import suggests
from laion_fmri.config import _open_remote

__all__ = ["describe", "get_rois", "get_subjects", "inspect_bucket"]


def get_subjects(*, bucket: str | None = None) -> list[str]:
    """The subjects of the bucket.

    Parameters
    ----------
    bucket : str, optional
        Another bucket: ``s3://NAME``, ``https://HOST/BUCKET`` or ``file:///DIRECTORY``.

    Returns
    -------
    list of str
        Their ids, sorted. With a warning and empty when there are none.

    Raises
    ------
    TransferError
        If the bucket cannot be listed.
    OfflineError
        If offline mode is on.
    """
    subjects = _open_remote(bucket).remote_subjects()
    if not subjects:
        _notes.warn("the bucket has no subjects")
    return subjects


@suggests
def get_rois(
    subject: str | None = None, category: str | None = None, *, bucket: str | None = None
) -> list[str]:
    """The ROIs of a subject in the bucket.

    Parameters
    ----------
    subject : str, optional
        Whose; the first subject of the bucket otherwise.
    category : str, optional
        Only ROIs of this category, such as ``"face"``; case does not count.
    bucket : str, optional
        Another bucket: ``s3://NAME``, ``https://HOST/BUCKET`` or ``file:///DIRECTORY``.

    Returns
    -------
    list of str
        Their names, sorted. With a warning and empty when there are none.

    Raises
    ------
    SubjectNotFoundError
        If the id of the subject is malformed.
    TypeError
        If `category` is not a string.
    TransferError
        If the bucket cannot be listed.
    OfflineError
        If offline mode is on.
    """
    from laion_fmri.subject import _category, _warn_of_category, resolve_subject_id

    name = None if subject is None else resolve_subject_id(subject)

    dataset = _open_remote(bucket)
    if name is None:
        subjects = dataset.remote_subjects()
        if not subjects:
            _notes.warn("the bucket has no subjects")
            return []
        name = subjects[0]
    wanted = _category(category)
    rois = dataset.remote_rois(name, wanted)
    if not rois and wanted is None:
        _notes.warn(f"the bucket has no ROIs of {name}")
    elif not rois and wanted is not None:
        _warn_of_category(name, wanted, dataset.remote_roi_categories(name))
    return rois


def describe(*, bucket: str | None = None) -> None:
    """Print a one-screen overview: the bucket, its subjects, and the first subject's ROIs.

    Parameters
    ----------
    bucket : str, optional
        Another bucket: ``s3://NAME``, ``https://HOST/BUCKET`` or ``file:///DIRECTORY``.

    Raises
    ------
    TransferError
        If the bucket cannot be listed.
    OfflineError
        If offline mode is on.
    """
    print(_open_remote(bucket).description().rstrip("\n"))


def inspect_bucket(*, bucket: str | None = None) -> None:
    """Print the top-level prefixes of the bucket, and how many subjects each derivative tree has.

    Parameters
    ----------
    bucket : str, optional
        Another bucket: ``s3://NAME``, ``https://HOST/BUCKET`` or ``file:///DIRECTORY``.

    Raises
    ------
    TransferError
        If the bucket cannot be listed.
    OfflineError
        If offline mode is on.
    """
    print(_open_remote(bucket).inspection().rstrip("\n"))


def __dir__() -> list[str]:
    return sorted(__all__)
