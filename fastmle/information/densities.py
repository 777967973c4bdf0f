"""Fitted densities as the functions of this package read them: what they score, draw and are called."""

import functools
import math

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..conditionals import LogisticConditionals
from ..data import BitMatrix
from ..montecarlo.adapters import as_distribution
from ..montecarlo.distributions import Distribution

# Rows that one stream draws: they share the tables of a pass.
_BLOCK_ROWS = 2**13
# Rows that tell whether a density of another library is one of zeros and ones.
_TRIED_ROWS = 64


def is_density(thing):
    """Whether something scores rows, as fitted densities do."""
    return callable(getattr(thing, "score_samples", None))


def as_density(model, name):
    """Return what scores and draws the rows of a fitted density.

    Parameters
    ----------
    model : object
        A density of this library, or whatever has ``score_samples(X)`` and ``sample(n, random_state=)``.
    name : str
        What messages call it.

    Returns
    -------
    Density

    Raises
    ------
    TypeError
        If it is a class, or scores no rows.
    sklearn.exceptions.NotFittedError
        If a density of this library is not fitted.
    """
    if isinstance(model, type):
        raise TypeError(f"{name} is the class {model.__name__}; pass a fitted instance of it")
    if not is_density(model):
        raise TypeError(f"{name} must be a fitted density, with score_samples(X); got {type(model).__name__}")
    if not hasattr(model, "_pack_like_fit"):
        return Density(model, name)
    check_is_fitted(model)
    conditionals = model._conditionals()
    kind = LogisticDensity if isinstance(conditionals, LogisticConditionals) else PackedDensity
    return kind(model, name, conditionals)


class Density:
    """A fitted density of any library.

    Attributes
    ----------
    name : str
        What messages call it, and its type.
    n_features : int
        Number of variables.
    feature_names : ndarray or None
        Their names.
    is_binary : bool
        Whether its rows are zeros and ones, as far as a few of them tell.
    """

    def __init__(self, model, name):
        self.model, self.name = model, f"{name} ({type(model).__name__})"
        self.feature_names = getattr(model, "feature_names_in_", None)

    @functools.cached_property
    def n_features(self):
        known = getattr(self.model, "n_features_in_", None)
        return self._few_rows.shape[1] if known is None else int(known)

    @functools.cached_property
    def is_binary(self):
        return bool(np.isin(self._few_rows, (0, 1)).all())

    @functools.cached_property
    def _few_rows(self):
        rows = self.draws().draw(np.random.SeedSequence(0), _TRIED_ROWS)
        return rows.reshape(len(rows), -1)

    def draws(self):
        """Return the Distribution that draws its rows."""
        return as_distribution(self.model)

    def pack(self, X):
        """Return data as packed rows.

        Raises
        ------
        ValueError
            If X is no table of zeros and ones, or does not fit the density.
        """
        return BitMatrix.from_array(X)

    def take(self, X):
        """Return data in the form that `scores` takes: packed where that is its own form.

        Raises
        ------
        ValueError
            If X does not fit a density of this library; others look at it when they score it.
        """
        return X

    def scores(self, rows, n_jobs=1):
        """Return log p(x) of each row, nats, float64 of shape (n_rows,).

        Parameters
        ----------
        rows : BitMatrix or table
            The rows; packed ones are given to `score_samples` as an array.
        n_jobs : int or None, default=1
            Number of threads, for a density of this library.

        Raises
        ------
        ValueError
            If a score is NaN or +infinity.
        """
        table = rows.to_array() if isinstance(rows, BitMatrix) else rows
        scores = np.asarray(self.model.score_samples(table), dtype=np.float64)
        if scores.ndim != 1 or not (scores < np.inf).all():
            wrong = scores[~(scores < np.inf)]
            found = f"{wrong.flat[0]}" if wrong.size else f"an array of shape {scores.shape}"
            raise ValueError(
                f"score_samples of {self.name} returned {found}: it must return a log-likelihood below "
                "infinity for every row"
            )
        return scores


class PackedDensity(Density):
    """A fitted density of this library: rows are packed, scores are computed in float64.

    Attributes
    ----------
    order : ndarray of int, or None
        The autoregressive order, where it is not that of the columns.
    """

    is_binary = True

    def __init__(self, model, name, conditionals):
        super().__init__(model, name)
        self.order = conditionals.order
        self._conditionals = conditionals

    def draws(self):
        return _PackedRows(self)

    def draw(self, stream, n):
        """Return n rows as a BitMatrix."""
        drawn = self._conditionals.sample(n, random_state=stream, n_jobs=1)
        return drawn if self.order is None else drawn.take_columns(np.argsort(self.order), n_jobs=1)

    def pack(self, X):
        return self.model._pack_like_fit(X)

    take = pack

    def scores(self, rows, n_jobs=1):
        ordered = self.in_order(rows if isinstance(rows, BitMatrix) else BitMatrix.from_array(rows), n_jobs)
        return self._conditionals.log_likelihood(ordered, dtype=np.float64, n_jobs=n_jobs)

    def in_order(self, bits, n_jobs=1):
        """Return packed rows with their columns in autoregressive order."""
        return bits if self.order is None else bits.take_columns(self.order, n_jobs=n_jobs)


class LogisticDensity(PackedDensity):
    """A fitted density of this library whose conditionals are logistic regressions.

    Attributes
    ----------
    coef : ndarray of float64, shape (n_features, n_features), or None
        Weights, columns in autoregressive order; None where the variables are independent.
    intercept : ndarray of float64, shape (n_features,)
        Intercepts, in that order.
    """

    def __init__(self, model, name, conditionals):
        super().__init__(model, name, conditionals)
        self.coef, self.intercept = conditionals.coef, conditionals.intercept


class _PackedRows(Distribution):
    """Draws of a density of this library, in blocks that are BitMatrices."""

    def __init__(self, density):
        # Blocks are evaluated in slices of so many numbers, and 64 bits count as one.
        super().__init__(density.name, (math.ceil(density.n_features / 64),))
        self.block_rows, self.draw = _BLOCK_ROWS, density.draw


def check_alike(p, q):
    """Raise a ValueError unless two densities have the same variables in the same order."""
    if p.n_features != q.n_features:
        raise ValueError(
            f"{p.name} has {p.n_features} variables and {q.name} has {q.n_features}: densities are compared "
            "over the same columns"
        )
    if p.feature_names is None or q.feature_names is None:
        return
    different = np.flatnonzero(np.asarray(p.feature_names) != np.asarray(q.feature_names))
    if len(different):
        j = int(different[0])
        raise ValueError(
            f"column {j} is {p.feature_names[j]!r} in {p.name} and {q.feature_names[j]!r} in {q.name}: "
            "densities are compared over the same columns in the same order"
        )
