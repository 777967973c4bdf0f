"""Errors and warnings of the library, beyond the built-in ones."""

import sys

from sklearn.exceptions import ConvergenceWarning, NotFittedError

__all__ = [
    "ConvergenceWarning",
    "DivergenceError",
    "HeavyTailWarning",
    "IntegrandError",
    "ModelFileError",
    "NotFittedError",
    "SeparationWarning",
]


class DivergenceError(ArithmeticError):
    """A stochastic fit met a loss or a gradient that is not finite.

    Attributes
    ----------
    epoch, batch : int or None
        Where, counted from 0.
    learning_rate : float or None
        That of the step.
    state : dict of str to ndarray or None
        The last state that was seen to be finite: the fit can go on from it, with a lower learning rate.
    """

    def __init__(self, message, *, epoch=None, batch=None, learning_rate=None, state=None):
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.learning_rate = learning_rate
        self.state = state


class HeavyTailWarning(UserWarning):
    """The variance of a Monte Carlo average is likely infinite: its standard error cannot be trusted.

    The tail of the values decays so slowly that the central limit theorem gives no interval. Another
    integrand with the same expectation, or importance sampling from a distribution with heavier tails
    than the integrand, may help.
    """


class IntegrandError(TypeError):
    """Numba cannot compile a user's function, or the function returns something else than numbers."""


class ModelFileError(ValueError):
    """A file is no fastmle model, is damaged, or was written by a newer format version."""


class SeparationWarning(UserWarning):
    """The maximum likelihood estimate of some columns lies at infinity.

    It is issued when a column has a single outcome in the training data and ``smoothing=0``, or when
    the columns before it predict it perfectly (or nearly so) and ``alpha=0``. The message names the
    columns; a positive ``alpha`` and ``smoothing`` make every estimate finite.
    """


def caller_level():
    """Return the `stacklevel` at which the function that warns points at the code that called the library."""
    level, frame = 1, sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "fastmle":
        level, frame = level + 1, frame.f_back
    return level
