"""BernoulliMLE: independent columns, the maximum likelihood estimate in closed form."""

from collections import namedtuple
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy.special import xlogy
from scipy.stats import norm
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from ..conditionals import LogisticConditionals
from ..objectives import marginal_logit
from ._base import AutoregressiveDensity

ConfidenceInterval = namedtuple("ConfidenceInterval", ["low", "high"])


class BernoulliMLE(AutoregressiveDensity):
    r"""Independent Bernoulli columns: the coin, in closed form.

    Parameters
    ----------
    smoothing : float, default=0.0
        Pseudo-observations of each outcome in each column (Laplace's rule is 1). With 0 it is the plain
        maximum likelihood estimate, and an outcome that was never seen has the score -inf.
    binarize : float or None, default=None
        Opt in to thresholding the input: 1 where a value is greater.
    n_jobs : int or None, default=None
        Number of threads, with joblib's meaning; results do not depend on it.

    Attributes
    ----------
    theta_ : ndarray of float64, shape (n_features,)
        Estimated probability of a one.
    standard_error_ : ndarray of float64, shape (n_features,)
        Standard error of `theta_`, from the Fisher information.
    ones_ : ndarray of float64, shape (n_features,)
        Number, or weight, of the ones in each column.
    total_weight_ : float
        Number, or weight, of the rows.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of object, shape (n_features,)
        Names of the columns, where the training data had them.

    See Also
    --------
    FVSBN : Columns that depend on the columns before them.

    Notes
    -----
    With k ones of weight in n,

    .. math:: \hat\theta = \frac{k + s}{n + 2 s}, \qquad
              \mathrm{se} = \sqrt{\hat\theta (1 - \hat\theta) / n}.

    Weights count as repetitions.

    References
    ----------
    Casella, G. and Berger, R. L. Statistical Inference, 2nd ed., 2002, section 7.2.

    Examples
    --------
    The coin that fell heads, heads, tails, heads, tails:

    >>> from fastmle import BernoulliMLE
    >>> coin = BernoulliMLE().fit([[1], [1], [0], [1], [0]])
    >>> coin.theta_
    array([0.6])
    >>> round(coin.score([[1], [0]]), 4)
    -0.7136
    >>> low, high = coin.confidence_interval(0.95)
    >>> print(low.round(3), high.round(3))
    [0.231] [0.882]
    """

    _parameter_constraints: ClassVar[dict] = {
        "smoothing": [Interval(Real, 0, None, closed="left")],
        "binarize": [Real, None],
        "n_jobs": [Integral, None],
    }
    _file_arrays: ClassVar = {"theta_": 1, "standard_error_": 1, "ones_": 1, "_intercept": 1}
    _file_scalars = ("total_weight_",)

    def __init__(self, *, smoothing=0.0, binarize=None, n_jobs=None):
        self.smoothing = smoothing
        self.binarize = binarize
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Estimate the probability of a one in every column.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones: array, sparse matrix, data frame or BitMatrix.
        y : None
            Ignored, for scikit-learn's interfaces.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows; None uses those of a BitMatrix, or one each.

        Returns
        -------
        BernoulliMLE
            Itself, fitted.

        Raises
        ------
        ValueError
            If a value is neither 0 nor 1, if `X` is empty, or for weights or parameters that make no
            sense. An earlier fit is kept.
        """
        bits = self._pack_for_fit(X, sample_weight)
        total = bits.total_weight
        ones = bits.column_counts(n_jobs=self.n_jobs).astype(np.float64)
        theta = (ones + self.smoothing) / (total + 2 * self.smoothing)
        self._set_fitted(
            bits,
            theta_=theta,
            standard_error_=np.sqrt(theta * np.maximum(1 - theta, 0) / total),
            ones_=ones,
            total_weight_=total,
            _intercept=marginal_logit(ones, total, self.smoothing),
        )
        return self

    def _conditionals(self):
        return LogisticConditionals(None, self._intercept, None)

    def log_likelihood(self, theta):
        """Return the log-likelihood of the training data at other probabilities.

        Parameters
        ----------
        theta : array-like of shape (..., n_features)
            Probabilities of a one; for a single column, any shape.

        Returns
        -------
        ndarray of float64, or float
            Nats, summed over rows and columns, of shape ``theta.shape[:-1]``; for a single column the
            shape of `theta`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If a probability lies outside [0, 1] or the shape does not fit.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmle import BernoulliMLE
        >>> coin = BernoulliMLE().fit([[1], [1], [0], [1], [0]])
        >>> coin.log_likelihood([0.0, 0.5, 0.6]).round(3)
        array([  -inf, -3.466, -3.365])
        """
        check_is_fitted(self)
        theta = np.asarray(theta, dtype=np.float64)
        if not np.all((theta >= 0) & (theta <= 1)):
            raise ValueError("theta must hold probabilities between 0 and 1")
        if self.n_features_in_ == 1 and (theta.ndim == 0 or theta.shape[-1] != 1):
            theta = theta[..., None]
        if theta.ndim == 0 or theta.shape[-1] != self.n_features_in_:
            raise ValueError(
                f"theta has shape {theta.shape}; its last axis must have one entry for each of the "
                f"{self.n_features_in_} columns"
            )
        zeros = np.maximum(self.total_weight_ - self.ones_, 0.0)
        total = (xlogy(self.ones_, theta) + xlogy(zeros, 1 - theta)).sum(axis=-1)
        return float(total) if total.ndim == 0 else total

    def confidence_interval(self, confidence_level=0.95):
        r"""Return Wilson's interval for the probability of a one in every column.

        Parameters
        ----------
        confidence_level : float, default=0.95
            Coverage, between 0 and 1.

        Returns
        -------
        ConfidenceInterval
            The named pair (low, high) of arrays of shape (n_features,).

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If `confidence_level` does not lie between 0 and 1.

        Notes
        -----
        With the share of ones p among n rows (or weights) and the normal quantile z,

        .. math:: \frac{p + z^2 / 2n \pm z \sqrt{p (1 - p) / n + z^2 / 4 n^2}}{1 + z^2 / n}.

        `smoothing` plays no part in it.

        References
        ----------
        Wilson, E. B. Probable inference, the law of succession, and statistical inference. J. Am. Stat.
        Assoc. 22 (1927).
        """
        check_is_fitted(self)
        if not 0 < confidence_level < 1:
            raise ValueError(f"confidence_level must lie between 0 and 1, got {confidence_level!r}")
        z = norm.isf((1 - confidence_level) / 2)
        n = self.total_weight_
        share = np.minimum(self.ones_ / n, 1.0)
        middle = share + z**2 / (2 * n)
        half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        low, high = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
        return ConfidenceInterval(np.maximum(low, 0.0), np.minimum(high, 1.0))
