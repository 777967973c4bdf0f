"""Errors and warnings of the library, beyond the built-in ones."""

from sklearn.exceptions import ConvergenceWarning, NotFittedError

__all__ = [
    "ConvergenceWarning",
    "ModelFileError",
    "NotFittedError",
    "SeparationWarning",
]


class ModelFileError(ValueError):
    """A file is no fastmle model, is damaged, or was written by a newer format version."""


class SeparationWarning(UserWarning):
    """The maximum likelihood estimate of some columns lies at infinity.

    It is issued when a column has a single outcome in the training data and ``smoothing=0``, or when
    the columns before it predict it perfectly (or nearly so) and ``alpha=0``. The message names the
    columns; a positive ``alpha`` and ``smoothing`` make every estimate finite.
    """
