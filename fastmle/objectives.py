"""The penalised negative log-likelihood of the FVSBN over packed data."""

import functools

import numpy as np
from scipy.linalg import eigh
from scipy.special import expit, log_expit

from . import kernels, likelihood
from .data import BitMatrix
from .data.sources import check_not_empty
from .engine import map_units, split_evenly
from .lists import RowLists
from .metric import GramMetric, SampledMetric

# Rounding to float32, twice: the unit in which errors of a float32 gradient are reckoned.
_FLOAT32_NOISE = 1.2e-7
# A logit above which a column may be on its way to infinity, and one that no finite estimate reaches on
# any data that fits into a machine: the outcome that forbids it would be one in e^25 rows.
_NEARLY_CERTAIN = 5.0
_CERTAIN = 25.0


class FVSBNObjective:
    r"""Penalised negative log-likelihood, one convex problem a column.

    The parameters of column i form a row ``theta[i, :i + 1]``: its intercept, then the weights of the
    columns before it. The objective of a column is

    .. math:: -\sum_r w_r \log p(x_{ri} | x_{r,<i}) + \frac{\alpha}{2} \lVert W_i \rVert^2
              - s \log \sigma(b_i) - s \log \sigma(-b_i)

    with the pseudo-observations s of each outcome in an all-zero context. Smoothed labels add a term that is
    linear in the parameters, see :func:`label_shift`.

    Parameters
    ----------
    bits : BitMatrix of shape (n_samples, n_features)
        The data, columns in autoregressive order.
    alpha : float
        Penalty on the weights.
    smoothing : float
        Pseudo-observations of each outcome.
    label_smoothing : float, default=0.0
        Share of every outcome that is replaced by half of each.
    n_jobs : int or None, default=None
        Number of threads.
    """

    def __init__(self, bits, *, alpha, smoothing, label_smoothing=0.0, n_jobs=None):
        self.bits = bits
        self.alpha = alpha
        self.smoothing = smoothing
        self.label_smoothing = label_smoothing
        self.n_jobs = n_jobs
        self.n_columns = bits.shape[1]
        self.scale = bits.total_weight
        self.ones = bits.column_counts(n_jobs=n_jobs).astype(np.float64)
        self._lists = RowLists(bits)

    def initial(self):
        """Return theta at the smoothed marginals: the optimum without weights, shape (d, d)."""
        theta = np.zeros((self.n_columns, self.n_columns))
        theta[:, 0] = start_intercepts(self.ones, self.scale, self.smoothing, self.label_smoothing)
        return theta

    def value_and_gradient(self, columns, theta, dtype=np.float64):
        """Return the objective of some columns and its gradient.

        Parameters
        ----------
        columns : ndarray of int, shape (k,), ascending
            The columns.
        theta : ndarray of float64, shape (k, d)
            Their parameters.
        dtype : {numpy.float64, numpy.float32}, default=numpy.float64
            Precision inside a tile. With float32 the gradient is good to about 1e-6 a row.

        Returns
        -------
        value : ndarray of shape (k,)
        gradient : ndarray of shape (k, d)
            Zero beyond entry ``columns[k]`` of row k.
        """
        coef, intercept = theta[:, 1:], np.ascontiguousarray(theta[:, 0])
        if coef.any():
            value, grad_coef, grad_intercept = likelihood.value_and_gradient(
                self.bits, columns, coef, intercept, dtype=dtype, lists=self._lists, n_jobs=self.n_jobs
            )
        else:
            value, grad_coef, grad_intercept = self._without_weights(columns, intercept)
        gradient = np.empty_like(theta)
        gradient[:, 0] = -grad_intercept + self.smoothing * (expit(intercept) - expit(-intercept))
        np.subtract(self.alpha * coef, grad_coef, out=gradient[:, 1:])
        penalty = 0.5 * self.alpha * np.einsum("ij,ij->i", coef, coef)
        pseudo = self.smoothing * (log_expit(intercept) + log_expit(-intercept))
        if self.label_smoothing:
            shift = self._label_shift[columns]
            gradient -= shift
            value = value + np.einsum("ij,ij->i", shift, theta)
        return penalty - pseudo - value, gradient

    @functools.cached_property
    def _label_shift(self):
        """What smoothed labels add to the gradient of the log-likelihood, shaped like theta."""
        intercept, coef = label_shift(self.ones, self.gram, self.scale, self.label_smoothing)
        return np.column_stack([intercept, np.tril(coef, k=-1)[:, :-1]])

    @functools.cached_property
    def gram(self):
        """Co-occurrence counts of the columns, weighted, of shape (d, d)."""
        return self.bits.gram(n_jobs=self.n_jobs)

    def _without_weights(self, columns, intercept):
        """Return log-likelihood and gradients where all weights are zero: counts suffice."""
        p = expit(intercept)
        ones = self.ones[columns]
        value = ones * log_expit(intercept) + (self.scale - ones) * log_expit(-intercept)
        grad_coef = self.gram[columns, :-1] - p[:, None] * self.ones[:-1]
        grad_coef[np.arange(self.n_columns - 1) >= columns[:, None]] = 0.0
        return value, grad_coef, ones - p * self.scale

    def newton_logit_step(self, column, parameters):
        """Return the largest change of a row's logit in one Newton step of a column.

        At a finite optimum it vanishes with the gradient. Where the optimum lies at infinity it stays
        near 1, however small the gradient has become: the loss falls like an exponential there.

        Parameters
        ----------
        column : int
            The column.
        parameters : ndarray of shape (column + 1,)
            Its intercept and weights.

        Returns
        -------
        float
        """
        size = column + 1
        hessian = np.zeros((size, size))
        gradient = np.zeros(size)
        intercept = parameters[0]
        hessian[0, 0] = 2 * self.smoothing * expit(intercept) * expit(-intercept)
        gradient[0] = self.smoothing * (expit(intercept) - expit(-intercept))
        penalised = np.arange(1, size)
        hessian[penalised, penalised] = self.alpha
        gradient[1:] = self.alpha * parameters[1:]
        for index in range(self.bits.n_tiles):
            design, outcome, weight = self._design(index, column)
            p = expit(design @ parameters)
            hessian += design.T @ (design * (weight * p * (1 - p))[:, None])
            gradient += design.T @ (weight * (p - outcome))
        curvature, axes = eigh(hessian)
        kept = curvature > 1e-12 * curvature[-1]  # the others are combinations of equal columns
        step = axes[:, kept] @ (axes[:, kept].T @ gradient / curvature[kept])
        return max(
            float(np.abs(self._design(index, column)[0] @ step).max()) for index in range(self.bits.n_tiles)
        )

    def separable(self, theta, columns):
        """Return those of some columns whose optimum lies at infinity, having been solved to a tolerance.

        Candidates are the columns in which some row is nearly certain; where one is certain to the last
        place, only infinity can be meant, elsewhere :meth:`newton_logit_step` decides.
        """
        largest = np.zeros(self.n_columns)
        coef, intercept = theta[:, 1:], np.ascontiguousarray(theta[:, 0])
        for index in range(self.bits.n_tiles):
            rows = self.bits.tile_rows(index)
            logits = likelihood.feature_terms(
                self.bits[rows], coef, intercept, logits=True, n_jobs=self.n_jobs
            )
            np.maximum(largest, np.abs(logits).max(axis=0), out=largest)
        candidates = [int(i) for i in columns if largest[i] > _NEARLY_CERTAIN]

        def diverges(i):
            return largest[i] > _CERTAIN or self.newton_logit_step(i, theta[i, : i + 1]) > 0.5

        verdicts = map_units(diverges, candidates, n_jobs=self.n_jobs)
        return np.array(candidates, dtype=int)[np.array(verdicts, dtype=bool)]

    def _design(self, index, column):
        """Return [1, x_<column], x_column and the weights of a tile's rows, float64."""
        rows = np.unpackbits(self.bits.tile(index).T, axis=1, count=column + 1, bitorder="little")
        design = np.ones((len(rows), column + 1))
        design[:, 1:] = rows[:, :column]
        weight = self.bits.tile_weight(index)
        return design, rows[:, column], np.ones(len(rows)) if weight is None else weight

    def metric(self):
        """Return the curvature near :meth:`initial`, which can be refined, see :class:`SampledMetric`."""
        pseudo = 2 * self.smoothing
        common = GramMetric(self.gram, self.ones, self.scale, self.alpha, pseudo, n_jobs=self.n_jobs)
        return SampledMetric(common, self.bits, self.alpha, pseudo, n_jobs=self.n_jobs)


def marginal_logit(ones, total, smoothing):
    """Return the log-odds of one in each column, infinite for an outcome that was never seen."""
    zeros = np.maximum(total - ones, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(ones + smoothing) - np.log(zeros + smoothing)


def start_intercepts(ones, total, smoothing, label_smoothing=0.0):
    """Return the log-odds of one in each column, with smoothed labels, see :func:`marginal_logit`."""
    return marginal_logit((1.0 - label_smoothing) * ones + 0.5 * label_smoothing * total, total, smoothing)


def label_shift(ones, gram, total, share):
    """Return what smoothed labels add to the gradient of the log-likelihood: a constant.

    With the targets (1 - s) y + s/2 the residuals of all rows grow by s (1/2 - y).

    Parameters
    ----------
    ones : ndarray of shape (d,)
        Column sums of the rows.
    gram : ndarray of shape (d, d)
        X^T X.
    total : float
        Weight of the rows.
    share : float
        s.

    Returns
    -------
    intercept : ndarray of float64, shape (d,)
    coef : ndarray of float64, shape (d, d)
        For all pairs of columns.
    """
    return share * (0.5 * total - ones), share * (0.5 * ones - gram)


def fvsbn_value_and_gradient(X, coef, intercept, *, sample_weight=None, dtype=None, n_jobs=None):
    r"""Return the log-likelihood of a fully-visible sigmoid belief network and its gradient.

    For people's own optimisers and priors; the columns stand in autoregressive order.

    Parameters
    ----------
    X : BitMatrix or array-like of shape (n_samples, n_features)
        Zeros and ones; pack once with :meth:`BitMatrix.from_array` to call this often.
    coef : array-like of shape (n_features, n_features)
        Weights: ``coef[i, j]`` is the weight of column j in the logit of column i. Only the strict
        lower triangle is read.
    intercept : array-like of shape (n_features,)
        Intercepts.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows; None uses those of a BitMatrix, or one each.
    dtype : {numpy.float32, numpy.float64} or None, default=None
        Precision of logits, residuals and their sums inside tiles of 4096 rows; sums over tiles are
        float64. With float32 the value is good to about 1e-7, and a row of the gradient to about 1e-6 of
        what adds up in it, which is much where it cancels, near an optimum. None takes float32, and
        float64 for the rows that cancel: each is good to 1e-5 of its largest entry or better.
    n_jobs : int or None, default=None
        Number of threads; the result is the same bits for any.

    Returns
    -------
    value : float
        Summed log-likelihood, nats.
    grad_coef : ndarray of shape (n_features, n_features)
        Its gradient in `coef`, zero outside the strict lower triangle.
    grad_intercept : ndarray of shape (n_features,)
        Its gradient in `intercept`.

    Raises
    ------
    ValueError
        If shapes do not fit, a parameter is not finite, a value of `X` is neither 0 nor 1, or `dtype` is
        another one.

    Notes
    -----
    With :math:`z_{ri} = b_i + \sum_{j<i} W_{ij} x_{rj}` the value is
    :math:`\sum_r w_r \sum_i x_{ri} z_{ri} - \log(1 + e^{z_{ri}})`, and its gradient in :math:`W_{ij}`
    is :math:`\sum_r w_r (x_{ri} - \sigma(z_{ri})) x_{rj}` [1]_.

    References
    ----------
    .. [1] Frey, B. J. Graphical Models for Machine Learning and Digital Communication. MIT Press, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import BitMatrix, fvsbn_value_and_gradient
    >>> bits = BitMatrix.from_array([[1, 1], [0, 0], [1, 0]])
    >>> value, grad_coef, grad_intercept = fvsbn_value_and_gradient(bits, np.zeros((2, 2)), np.zeros(2))
    >>> round(value, 4)  # six fair coins: 6 log(1/2)
    -4.1589
    >>> grad_intercept
    array([ 0.5, -0.5])
    """
    if dtype is not None and np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be numpy.float32, numpy.float64 or None, got {dtype!r}")
    bits = check_not_empty(BitMatrix.from_array(X, sample_weight=sample_weight, n_jobs=n_jobs))
    d = bits.shape[1]
    coef = _check_parameters("coef", coef, (d, d))
    intercept = _check_parameters("intercept", intercept, (d,))
    _check_finite("intercept", intercept)
    columns = np.arange(d, dtype=np.int32)
    value, grad_coef, grad_intercept = likelihood.value_and_gradient(
        bits, columns, coef, intercept, dtype=dtype or np.float32, n_jobs=n_jobs
    )
    squares, largest = _measure(coef, grad_coef, n_jobs)
    if not np.isfinite(squares.sum()):
        _check_finite("coef", np.tril(coef, k=-1))
    if dtype is None:
        again = np.flatnonzero(_cancelled(bits, intercept, value, squares, largest)).astype(np.int32)
        if len(again):
            value[again], grad_coef[again], grad_intercept[again] = likelihood.value_and_gradient(
                bits, again, coef[again], intercept[again], n_jobs=n_jobs
            )
    return float(value.sum()), grad_coef, grad_intercept


def _measure(coef, gradient, n_jobs):
    """Return the sums of squares of the weights of each column, and the largest entries of its gradient."""
    squares, largest = np.empty(len(coef)), np.empty(len(coef))

    def measure(rows):
        kernels.measure_lower_rows(coef[rows], gradient[rows], rows.start, squares[rows], largest[rows])

    map_units(measure, split_evenly(len(coef), 8), n_jobs=n_jobs, work=2 * coef.size)
    return squares, largest


def _cancelled(bits, intercept, value, squares, largest):
    """Return in which columns the gradient is so small that float32 leaves it less than five digits.

    An entry adds up residuals r x_j. The error of a logit (or of the logarithm of odds) enters with the
    slope p (1 - p), times the share of ones in x_j; with h = -log p(x) the slope is at most 1/4, at most h,
    and near h / (1 + 3 h) on average. A logit rounds as its terms add up, odds once for every group of eight
    that is multiplied in. `squares` and `largest` come from :func:`_measure`.
    """
    spread = np.sqrt(bits.density * squares)
    roundings = np.sqrt(np.arange(len(value)) / 8)
    total = bits.total_weight
    share = max(bits.density, bits.heaviest_byte)
    slopes = share * np.minimum(-value / (1 - 3 * value / total), total / 4)
    noise = _FLOAT32_NOISE * (4 + spread + 0.5 * (np.abs(intercept) + roundings)) * slopes
    cancelled = 1e-5 * largest < noise
    cancelled[0] = False  # no column comes before it
    return cancelled


def _check_parameters(name, values, shape):
    """Return parameters of that shape as float64, or raise a ValueError."""
    values = np.ascontiguousarray(values, dtype=np.float64)
    if values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}, expected {shape}")
    return values


def _check_finite(name, values):
    """Raise a ValueError that names the first value that is not finite, if there is one."""
    places = np.argwhere(~np.isfinite(values))
    if len(places):
        place = tuple(int(k) for k in places[0])
        raise ValueError(f"{name}{list(place)} is {values[place]}: parameters must be finite")
