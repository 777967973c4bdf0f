"""What all densities of this library share: input, scoring, sampling, files."""

import numbers
import os
from typing import ClassVar

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import _is_fitted, check_is_fitted

from ..data import BitMatrix
from ..data.sources import check_not_empty, check_sample_weight, make_feature_names
from ..persistence import write_model
from ._names import check_feature_names, reorder_by_name


class AutoregressiveDensity(DensityMixin, BaseEstimator):
    """Base of densities p(x) = prod_i p(x_i | x_<i).

    A subclass defines `_conditionals`, `_file_arrays` and `_file_scalars`, and in `fit` calls
    `_pack_for_fit` and, when all has gone well, `_set_fitted`.
    """

    # What a model file holds besides n_features_in_ and feature_names_in_: the fitted arrays, with the
    # number of their axes that have one entry a column, and the fitted scalars.
    _file_arrays: ClassVar[dict[str, int]] = {}
    _file_scalars: ClassVar[tuple[str, ...]] = ()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # Input

    def _pack(self, X, sample_weight=None):
        """Return X as a BitMatrix that is not empty."""
        bits = BitMatrix.from_array(
            X, sample_weight=sample_weight, binarize=self.binarize, n_jobs=self.n_jobs
        )
        return check_not_empty(bits)

    def _pack_for_fit(self, X, sample_weight):
        """Return X as a BitMatrix without the rows of weight zero."""
        bits = self._pack(X, sample_weight)
        if bits.sample_weight is not None and not bits.sample_weight.all():
            bits = bits[np.flatnonzero(bits.sample_weight)]
        return bits

    def _set_fitted(self, bits, **attributes):
        """Take over the results of a fit, all at once."""
        self.__dict__.pop("feature_names_in_", None)
        if bits.feature_names is not None:
            self.feature_names_in_ = bits.feature_names
        self.n_features_in_ = bits.shape[1]
        for name, value in attributes.items():
            setattr(self, name, value)

    def _pack_like_fit(self, X):
        """Return X as a BitMatrix with the columns that were fitted, or raise."""
        check_is_fitted(self)
        bits = self._pack(X)
        self._check_columns(bits)
        return bits

    def _check_columns(self, bits):
        """Raise a ValueError if the columns are not those that were fitted."""
        check_feature_names(self, bits)
        if bits.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {bits.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )

    def _conditionals(self):
        """Return the fitted conditionals, one of :mod:`fastmle.conditionals`."""
        raise NotImplementedError

    def _terms(self, X, **options):
        bits, conditionals = self._pack_like_fit(X), self._conditionals()
        ordered = in_order(bits, conditionals.order, self.n_jobs)
        terms = conditionals.feature_terms(ordered, n_jobs=self.n_jobs, **options)
        return in_original_columns(terms, conditionals.order)

    # Scores

    def score_samples(self, X):
        """Return the log-likelihood of each row.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones, in any form that `fit` takes.

        Returns
        -------
        ndarray of float64, shape (n_samples,)
            log p(x), nats. A row's score does not depend on the rows beside it.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If a value is neither 0 nor 1, or if number, names or order of the columns differ from
            those at fit time.

        Notes
        -----
        Where rows depend on weights, the terms log p(x_i | x_<i) are computed in float32 and added in
        float64, which leaves a relative error of about 1e-7; :meth:`score_features` gives them in float64.
        """
        bits, conditionals = self._pack_like_fit(X), self._conditionals()
        ordered = in_order(bits, conditionals.order, self.n_jobs)
        return conditionals.log_likelihood(ordered, n_jobs=self.n_jobs)

    def score_features(self, X):
        """Return log p(x_i | x_<i) of each row and column: which bits surprise.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_features)
            Nats, in original columns; the rows add up to :meth:`score_samples`, but for the precision of
            that.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As :meth:`score_samples`.
        """
        return self._terms(X)

    def conditional_proba(self, X):
        """Return p(x_i = 1 | x_<i) of each row and column.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_features)
            Probabilities, in original columns.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As :meth:`score_samples`.
        """
        logits = self._terms(X, logits=True)
        return expit(logits, out=logits)

    def score(self, X, y=None, sample_weight=None):
        """Return the mean log-likelihood of the rows.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones.
        y : None
            Ignored, for scikit-learn's interfaces.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows; None uses those of a BitMatrix, or one each.

        Returns
        -------
        float
            Mean log-likelihood, nats a row; the higher the better.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As :meth:`score_samples`, or for weights that do not fit.
        """
        scores = self.score_samples(X)
        if sample_weight is None:
            weight = X.sample_weight if isinstance(X, BitMatrix) else None
        else:
            weight = check_sample_weight(sample_weight, len(scores))
        if weight is None:
            return float(scores.mean())
        counted = weight > 0  # zero times an infinite score is no score, not NaN
        return float(np.average(scores[counted], weights=weight[counted]))

    def bits_per_dim(self, X, sample_weight=None):
        """Return the mean negative log-likelihood in bits a variable.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        float
            ``-score(X) / (n_features * log(2))``.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As :meth:`score`.
        """
        score = self.score(X, sample_weight=sample_weight)
        return -score / (self.n_features_in_ * float(np.log(2.0)))

    # Drawing

    def sample(self, n_samples=1, random_state=None):
        """Draw rows from the fitted density.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : None, int, RandomState or Generator, default=None
            Seed. The same seed gives the same rows for any `n_jobs`.

        Returns
        -------
        ndarray of uint8, shape (n_samples, n_features)
            Zeros and ones, in original columns.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If `n_samples` is not a positive integer.
        """
        check_is_fitted(self)
        n_samples = _positive("n_samples", n_samples)
        conditionals = self._conditionals()
        drawn = conditionals.sample(n_samples, random_state=random_state, n_jobs=self.n_jobs)
        return in_original_columns(drawn.to_array(), conditionals.order)

    def complete(self, X_prefix, n_draws=1, random_state=None):
        """Complete rows of which the first variables of the order are known, by exact draws.

        Parameters
        ----------
        X_prefix : BitMatrix or array-like of shape (n_samples, k), k >= 1
            The columns ``order_[:k]`` (the first k columns where there is no order), in that order; or
            with names, those columns in any order.
        n_draws : int, default=1
            Number of completions of each row.
        random_state : None, int, RandomState or Generator, default=None
            Seed.

        Returns
        -------
        ndarray of uint8, shape (n_samples, n_draws, n_features)
            Whole rows, in original columns.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If `X_prefix` has too many columns, or names that are not the first of the order; if a
            value is neither 0 nor 1; if `n_draws` is not a positive integer.
        """
        check_is_fitted(self)
        n_draws = _positive("n_draws", n_draws)
        conditionals = self._conditionals()
        prefix, order = self._pack(X_prefix), conditionals.order
        n_given = prefix.shape[1]
        if n_given > self.n_features_in_:
            raise ValueError(
                f"X_prefix has {n_given} columns, but {type(self).__name__} was fitted on "
                f"{self.n_features_in_}"
            )
        if prefix.feature_names is not None and _is_fitted(self, "feature_names_in_"):
            names = self.feature_names_in_
            first = (names if order is None else names[order])[:n_given]
            prefix = reorder_by_name(prefix, first)
        rows = prefix[np.repeat(np.arange(prefix.shape[0]), n_draws)]
        drawn = conditionals.sample(rows.shape[0], prefix=rows, random_state=random_state, n_jobs=self.n_jobs)
        whole = in_original_columns(drawn.to_array(), order)
        return whole.reshape(prefix.shape[0], n_draws, self.n_features_in_)

    # Files

    def save(self, path):
        """Write the fitted model to a file that :func:`fastmle.load` reads.

        Parameters
        ----------
        path : str or path-like
            Written exactly there, whole or not at all. The format is safetensors, which cannot hold
            code. A `random_state` that is no integer is not kept.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If a parameter is a function (`schedule` may be one).
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self)
        for name, value in self.get_params().items():
            if callable(value):
                raise TypeError(
                    f"{name} is a function, and a model file cannot hold code; set_params({name}=...) to the "
                    "name of one before saving, the fitted density stays as it is"
                )
        names = getattr(self, "feature_names_in_", None)
        description = {
            "estimator": type(self).__name__,
            "params": {
                name: None if isinstance(value, np.random.RandomState) else plain(value)
                for name, value in self.get_params().items()
            },
            "scalars": {name: plain(getattr(self, name)) for name in ("n_features_in_", *self._file_scalars)},
            "feature_names": None if names is None else list(names),
        }
        write_model(path, {name: getattr(self, name) for name in self._file_arrays}, description)

    @classmethod
    def _from_file(cls, arrays, description):
        """Rebuild the estimator that `save` has written.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the content is incomplete or does not fit together.
        """
        model = cls(**description["params"])
        model._validate_params()
        for name in ("n_features_in_", *cls._file_scalars):
            setattr(model, name, description["scalars"][name])
        n_features = _positive("n_features_in_", model.n_features_in_)
        for name, n_axes in cls._file_arrays.items():
            array = arrays[name]
            if n_axes and array.shape != (n_features,) * n_axes:
                raise ValueError(f"{name} of shape {array.shape}")
            if array.dtype not in (np.float64, np.int64) or np.isnan(array).any():
                raise ValueError(f"{name} with NaN, or of dtype {array.dtype},")
            setattr(model, name, array)
        if description["feature_names"] is not None:
            model.feature_names_in_ = make_feature_names(description["feature_names"], n_features)
        model._check_file()
        return model

    def _check_file(self):
        """Raise a ValueError if the fitted attributes from a file do not fit together."""


def in_order(bits, order, n_jobs=None):
    """Return the data with columns in autoregressive order; None for none."""
    if bits is None or order is None or np.array_equal(order, np.arange(len(order))):
        return bits
    return bits.take_columns(order, n_jobs=n_jobs)


def in_original_columns(table, order):
    """Return an array whose last axis is in autoregressive order with that of the columns."""
    if order is None:
        return table
    original = np.empty_like(table)
    original[..., order] = table
    return original


def _positive(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")
    return int(value)


def plain(value):
    """Return a parameter or scalar in a form that JSON has."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return float(value) if isinstance(value, numbers.Real) else np.asarray(value).tolist()
