"""The stimulus side of a subject's trials, by global trial index: a row of ``Subject.metadata``."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from laion_fmri import _arguments
from laion_fmri._errors import _invalid
from laion_fmri.captions import Captions
from laion_fmri.embeddings import _model
from laion_fmri.segmentations import Segmentations
from laion_fmri.stimuli import _image

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from PIL import Image

    from laion_fmri._arguments import Session, SessionName
    from laion_fmri.subject import Subject

__all__ = ["TrialCaptions", "TrialEmbeddings", "TrialImages", "TrialSegmentations"]


_T = TypeVar("_T")


class _Trials:
    """Trials of a subject, in the order of ``Subject.metadata``."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __len__(self) -> int:
        return len(self._subject._shown().names)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._subject.subject_id}>"

    def _name(self, trial: Any) -> str:
        """The image of a trial; negative ones count from the end."""
        names = self._names(None)
        return names[_arguments.index(trial, len(names), "trial")]

    def _each(self, session: Session | None, of: Callable[[list[str]], _T]) -> Any:
        """What the images of a session make, or of all; of several sessions a dict by session."""
        if session is None:
            return of(self._names(None))
        named = _arguments.sessions(session)
        if _arguments.is_one_session(session):
            return of(self._names(named[0]))
        return {name: of(self._names(name)) for name in named}

    def _names(self, session: SessionName | None) -> list[str]:
        """The image of each trial, of one session or of all."""
        shown = self._subject._shown()
        if session is None:
            return shown.names
        (full,) = self._subject._meant([session]).values()
        if full not in shown.by_session:
            # The table that is missing, as its own error says it.
            self._subject.get_trial_info(full)
            raise _invalid(f"{self._subject.subject_id} has no trials of {full}")
        return shown.by_session[full]


class TrialImages(_Trials):
    """The images that trials showed, by global trial index.

    Parameters
    ----------
    subject : Subject
        Whose trials; they are its :attr:`Subject.images`.
    """

    def __getitem__(self, trial: int) -> bytes:
        """The stored bytes of the image of a trial; IndexError for a trial that does not exist."""
        return self._subject._stimuli().image_bytes(self._name(trial))

    def __iter__(self) -> Iterator[bytes]:
        stimuli = self._subject._stimuli()
        return (stimuli.image_bytes(name) for name in self._names(None))

    def get(self, trial: int, *, as_displayed: bool = True) -> Image.Image:
        """The image of a trial.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.
        as_displayed : bool
            In RGB on the grey of the screen; ``False`` for the image as it is stored.

        Returns
        -------
        PIL.Image.Image
            Decoded when it is used.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the images are not on disk.
        """
        return _image(self[trial], as_displayed)

    def all(self, session: Session | None = None) -> Any:
        """The images of a session or of all trials, in trial order, one after the other.

        Parameters
        ----------
        session : str or int, or list of them, optional
            One session, several, or all trials by default.

        Returns
        -------
        iterator of PIL.Image.Image
            In RGB on the grey of the screen, with a length. With several sessions a dict by session.

        Raises
        ------
        TypeError
            If a session is not a string.
        DataNotDownloadedError
            If a trial table is not on disk.
        StimuliNotDownloadedError
            If the images are not on disk.
        """
        return self._each(session, lambda names: ImageIterator(self._subject, names))

    def array(self, session: Session | None = None) -> Any:
        """The images of a session or of all trials as displayed.

        Parameters
        ----------
        session : str or int, or list of them, optional
            One session, several, or all trials by default.

        Returns
        -------
        ndarray of uint8, shape (n_trials, height, width, 3)
            In trial order; each image is decoded once, on all cores. With several sessions a dict by
            session.

        Raises
        ------
        TypeError
            If a session is not a string.
        DataIntegrityError
            If an image is damaged, or images differ in size.
        DataNotDownloadedError
            If a trial table is not on disk.
        StimuliNotDownloadedError
            If the images are not on disk.
        MemoryError
            If the array does not fit.
        """
        return self._each(session, lambda names: self._subject._stimuli().image_array(names))


class ImageIterator(Iterator["Image.Image"]):
    """Images one after the other, with their number."""

    def __init__(self, subject: Subject, names: list[str]) -> None:
        self._stimuli = subject._stimuli()
        self._left = iter(names)
        self._length = len(names)

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return f"<ImageIterator of {self._length} images>"

    def __next__(self) -> Image.Image:
        return _image(self._stimuli.image_bytes(next(self._left)), True)


class TrialEmbeddings(_Trials):
    """The embeddings of the images that trials showed, by global trial index.

    Parameters
    ----------
    subject : Subject
        Whose trials; they are its :attr:`Subject.embeddings`.
    """

    @property
    def models(self) -> list[str]:
        """The models whose embeddings are on disk."""
        return self._subject._stimuli().embedding_models()

    def get(self, model: str, trial: int) -> NDArray[np.float16]:
        """The vector of the image of a trial.

        Parameters
        ----------
        model : str
            One of :attr:`models`.
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.

        Returns
        -------
        ndarray of float16, shape (n_features,)
            In the units of the model.

        Raises
        ------
        ValueError
            For an unknown model.
        KeyError
            If the vector of the image is marked as not valid.
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the embeddings are not on disk.
        """
        return self._subject._stimuli().embeddings(_model(model)).get(self._name(trial))

    def all(self, model: str, session: Session | None = None) -> Any:
        """The vectors of a session or of all trials.

        Parameters
        ----------
        model : str
            One of :attr:`models`.
        session : str or int, or list of them, optional
            One session, several, or all trials by default.

        Returns
        -------
        ndarray of float16, shape (n_trials, n_features)
            In trial order. With several sessions a dict by session.

        Raises
        ------
        ValueError
            For an unknown model.
        KeyError
            If the vector of an image is marked as not valid.
        TypeError
            If a session is not a string.
        DataNotDownloadedError
            If a trial table is not on disk.
        StimuliNotDownloadedError
            If the embeddings are not on disk.
        """
        vectors = self._subject._stimuli().embeddings(_model(model))
        return self._each(session, vectors.get_many)


class TrialSegmentations(_Trials):
    """The object masks of the images that trials showed, by global trial index.

    Parameters
    ----------
    subject : Subject
        Whose trials; they are its :attr:`Subject.segmentations`.
    """

    def _masks(self) -> Segmentations:
        return Segmentations._of(self._subject._stimuli(), self._subject.data_dir)

    def has_image(self, trial: int) -> bool:
        """Whether the image of a trial has object masks.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.

        Returns
        -------
        bool
            ``False`` for images that not all subjects saw.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the table of masks is not on disk.
        """
        return self._masks().has_image(self._name(trial))

    def nouns(self, trial: int, localized_only: bool = True) -> list[str]:
        """What masks of the image of a trial are of.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.
        localized_only : bool
            As for :meth:`laion_fmri.Segmentations.nouns`.

        Returns
        -------
        list of str
            Nouns in the order of the table, each once; none for an image without masks.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the table of masks is not on disk.
        """
        return self._masks().nouns(self._name(trial), localized_only)

    def for_image(self, trial: int) -> pd.DataFrame:
        """The rows of the table of masks for the image of a trial.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.

        Returns
        -------
        DataFrame
            The columns of ``Segmentations().metadata``; no rows for an image without masks.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the table of masks is not on disk.
        """
        return self._masks().for_image(self._name(trial))

    def get(self, trial: int, noun: str, instance: int = 0) -> NDArray[np.uint8]:
        """One mask of the image of a trial.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.
        noun : str
            What the mask is of.
        instance : int
            Which of several masks of the noun, counted from 0.

        Returns
        -------
        ndarray of uint8, shape (1000, 1000)
            1 where the object is, 0 elsewhere.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        ValueError
            For a negative instance.
        KeyError
            If the image has no such mask; it lists the instances of the noun, or the nouns of the image.
        StimuliNotDownloadedError
            If the masks are not on disk.
        """
        return self._masks().get(self._name(trial), noun, instance)


class TrialCaptions(_Trials):
    """The captions of the images that trials showed, by global trial index.

    Parameters
    ----------
    subject : Subject
        Whose trials; they are its :attr:`Subject.captions`.
    """

    def _captions(self) -> Captions:
        return Captions._of(self._subject._stimuli(), self._subject.data_dir)

    def list(self, trial: int, source: str | None = None) -> builtins.list[str]:
        """All captions of the image of a trial.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.
        source : {"human", "ai"}, optional
            Only those of people or of a model.

        Returns
        -------
        list of str
            In the order of the table.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        ValueError
            For another source.
        StimuliNotDownloadedError
            If the captions are not on disk.
        """
        return self._captions().list(self._name(trial), source)

    def human(self, trial: int, limit: int | None = None) -> builtins.list[str]:
        """The captions of the image of a trial that people wrote.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.
        limit : int, optional
            At most this many; all by default.

        Returns
        -------
        list of str
            In the order of their rank.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the captions are not on disk.
        """
        return self._captions().human(self._name(trial), limit)

    def ai(self, trial: int) -> str | None:
        """The caption of the image of a trial that a model wrote.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.

        Returns
        -------
        str or None
            None for an image without one.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the captions are not on disk.
        """
        return self._captions().ai(self._name(trial))

    def for_image(self, trial: int) -> pd.DataFrame:
        """The rows of the table of captions for the image of a trial.

        Parameters
        ----------
        trial : int
            The global trial index: a row of ``Subject.metadata``; negative ones count from the end.

        Returns
        -------
        DataFrame
            The columns of ``Captions().metadata``, in the order of the table.

        Raises
        ------
        IndexError
            If there is no such trial.
        TypeError
            If `trial` is not an integer.
        StimuliNotDownloadedError
            If the captions are not on disk.
        """
        return self._captions().get(self._name(trial))
