"""How noisy the gradient of a minibatch is."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .data import Minibatches
from .engine import RandomStreams

# Rows at most that go at once through a pass over all of them.
_PASS_ROWS = 4096
# Streams of the seed: the model's own numbers, the order of a pass, batches of each size.
_OWN, _PASS, _BATCHES = range(3)


class GradientNoise(NamedTuple):
    """Variance of minibatch gradients, as :func:`gradient_noise` has measured it.

    Attributes
    ----------
    batch_size : ndarray of int64, shape (n_sizes,)
        Numbers of rows, ascending.
    variance : ndarray of float64, shape (n_sizes,)
        Mean squared distance of a batch's gradient per row from that of all rows: the variances of all
        entries, added up. Squared nats.
    standard_error : ndarray of float64, shape (n_sizes,)
        Of `variance`.
    row_variance : float
        That of a single row: what the variances say in mean, by the formula.
    n_samples : int
        Number of rows in the data.
    """

    batch_size: np.ndarray
    variance: np.ndarray
    standard_error: np.ndarray
    row_variance: float
    n_samples: int

    def expected(self, batch_size, replacement=False):
        """Return the variance that theory expects of batches of some size, given that of a row.

        Parameters
        ----------
        batch_size : array-like of float
            Numbers of rows.
        replacement : bool, default=False
            Whether a row may come twice.

        Returns
        -------
        ndarray of float64, like `batch_size`
        """
        b = np.asarray(batch_size, dtype=np.float64)
        left = 1.0 if replacement else (self.n_samples - b) / (self.n_samples - 1)
        return self.row_variance / b * left


def gradient_noise(model, X, *, batch_sizes=None, n_repeats=50, sample_weight=None, random_state=None):
    r"""Measure the variance of minibatch gradients at the parameters of a fitted model.

    Parameters
    ----------
    model : FVSBN or NADE
        A fitted estimator, whatever its solver.
    X : BitMatrix or array-like of shape (n_samples, n_features)
        Rows to draw batches from, as a rule the training rows.
    batch_sizes : array-like of int or None, default=None
        Numbers of rows in a batch, each from 1 to n_samples - 1; None takes the powers of two.
    n_repeats : int, default=50
        Number of batches of each size, at least 2.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows; None uses those of a BitMatrix, or one each.
    random_state : None, int, RandomState or Generator, default=None
        Seed of the batches.

    Returns
    -------
    GradientNoise

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    TypeError
        If it has no gradients of minibatches.
    ValueError
        If there are fewer than two rows with a weight, for other columns than those fitted, or for numbers
        that make no sense.

    Notes
    -----
    A batch B has b of the n rows, without repetition. Its gradient per row,
    :math:`g_B = \frac{1}{b} \sum_{r \in B} g_r`, has that of all rows, :math:`\bar g`, as its expectation,
    and

    .. math:: E \lVert g_B - \bar g \rVert^2 = \frac{\sigma^2}{b} \, \frac{n - b}{n - 1}, \qquad
              \sigma^2 = \frac{1}{n} \sum_r \lVert g_r - \bar g \rVert^2

    as its variance [1]_. The last factor is that of a finite population: it is near one for small batches and
    zero for all rows. Penalties add the same to every batch. Weights are divided by their mean and multiply
    :math:`g_r`.

    The gradient is that of the model's own steps, with its label smoothing and dropout. Dropout has noise of
    its own, which the last factor does not touch, and with it :math:`\bar g` is itself a draw: measure
    with ``dropout=0``.

    References
    ----------
    .. [1] Cochran, W. G. Sampling Techniques, 3rd ed., theorem 2.2. Wiley, 1977.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import FVSBN
    >>> from fastmle.noise import gradient_noise
    >>> X = np.random.default_rng(0).random((500, 4)) < 0.3
    >>> noise = gradient_noise(FVSBN().fit(X), X, batch_sizes=[1, 10, 100], random_state=0)
    >>> noise.batch_size
    array([  1,  10, 100])
    >>> bool(np.all(np.abs(noise.variance / noise.expected(noise.batch_size) - 1) < 0.5))
    True
    """
    check_is_fitted(model)
    if not hasattr(model, "_make_problem"):
        raise TypeError(
            f"{type(model).__name__} has no gradients of minibatches; measure those of an FVSBN or a NADE"
        )
    if isinstance(n_repeats, bool) or not isinstance(n_repeats, Integral) or n_repeats < 2:
        raise ValueError(f"n_repeats must be an integer of at least 2, got {n_repeats!r}")
    bits = model._pack_for_fit(X, sample_weight)
    model._check_columns(bits)
    if not model._can_go_on(model.order_):
        raise ValueError(
            f"the parameters of this {type(model).__name__} have been changed since it was fitted, to those "
            "of another shape; fit it again"
        )
    sizes = _check_sizes(batch_sizes, len(bits))
    streams = RandomStreams(random_state)
    if not np.array_equal(model.order_, np.arange(bits.shape[1])):
        bits = bits.take_columns(model.order_, n_jobs=model.n_jobs)
    problem = model._make_problem(bits, model.order_, streams.sequence(_OWN), warm=True, streaming=False)

    entries = problem.layout.entries()  # what else is in the array may be anything

    def gradient(batches):
        """Return the mean of a row's gradient over some batches."""
        total, n_rows = np.zeros(len(entries)), 0
        for number, batch in enumerate(batches):
            total += problem.value_and_gradient(batch, problem.parameters, (next(steps), number))[1][entries]
            n_rows += len(batch)
        return total / n_rows

    steps = iter(range(1 + len(sizes) * n_repeats))
    centre = gradient(Minibatches(bits, min(_PASS_ROWS, len(bits)), random_state=streams.sequence(_PASS))(0))
    squares = np.empty((len(sizes), n_repeats))
    for place, size in enumerate(sizes):
        batches = Minibatches(bits, size, random_state=streams.sequence(_BATCHES, size))
        for repeat in range(n_repeats):
            # The first batch of each order: those of one order would not be independent.
            squares[place, repeat] = np.sum((gradient([next(batches(repeat))]) - centre) ** 2)
    variance = squares.mean(axis=1)
    factor = (len(bits) - sizes) / (len(bits) - 1) / sizes
    return GradientNoise(
        sizes,
        variance,
        squares.std(axis=1, ddof=1) / np.sqrt(n_repeats),
        float(np.mean(variance / factor)),
        len(bits),
    )


def _check_sizes(batch_sizes, n_rows):
    """Return the batch sizes, ascending."""
    if n_rows < 2:
        raise ValueError(f"there are no two batches of {n_rows} row; give at least two rows with a weight")
    if batch_sizes is None:
        return 2 ** np.arange((n_rows - 1).bit_length())
    sizes = np.atleast_1d(np.asarray(batch_sizes))
    if sizes.dtype.kind not in "iu" or sizes.ndim != 1 or not len(sizes):
        raise ValueError(f"batch_sizes must be integers, at least one, got {batch_sizes!r}")
    outside = sizes[(sizes < 1) | (sizes >= n_rows)]
    if len(outside):
        raise ValueError(
            f"batch_sizes has {outside[0]}, but must lie between 1 and {n_rows - 1}: a batch of all "
            f"{n_rows} rows is always the same"
        )
    return np.unique(sizes).astype(np.int64)
