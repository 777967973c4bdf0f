"""Mutual information of all pairs of columns, and whether they are independent."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import erfc, log_ndtr

from .. import kernels
from ..data import BitMatrix
from ..data.sources import check_not_empty
from ..engine import map_units, split_evenly
from ._options import unit_of

_UNIT_PAIRS = 2**17


def mutual_information(X, *, base=None, sample_weight=None, n_jobs=None):
    r"""Return the mutual information of all pairs of columns of a table of zeros and ones.

    It is the divergence of the shares of the rows (0, 0), (0, 1), (1, 0) and (1, 1) of two columns from what
    they would be if the columns were independent: how much one column tells about the other.

    Parameters
    ----------
    X : BitMatrix or array-like of shape (n_samples, n_features)
        Rows of zeros and ones: array, sparse matrix, data frame or BitMatrix.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows; None uses those of a BitMatrix, or one each.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.

    Returns
    -------
    ndarray of float64, shape (n_features, n_features)
        Symmetric, in nats or in units of `base`, from 0 to log 2, in the order of the columns (whose names a
        BitMatrix keeps in `feature_names`). The diagonal has the entropies of the columns. What belongs to a
        column that is constant is 0.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1, if `X` is empty, for weights that are negative, not finite or all zero,
        or if `base` is no base.

    See Also
    --------
    independence_test : The same with p-values.

    Notes
    -----
    With the counts :math:`n_{ab}` of the four kinds of rows, and :math:`e_{ab}` what they would be on average
    if the columns were independent,

    .. math:: I = \frac 1 n \sum_{a, b} \left( n_{ab} \log \frac{n_{ab}}{e_{ab}} - n_{ab} + e_{ab} \right),

    in which no term is negative. :math:`n_{ab} - e_{ab}` is the same number in all cells but for its sign,
    and is computed without cancellation: results are good to some 1e-15 of themselves, however small they
    are. (Of weights that are no whole numbers the sums are rounded before.) The counts are those of
    :meth:`BitMatrix.gram`, beside which memory for the result is needed.

    Of independent columns the estimate is not zero, but some 1 / (2 n) on average.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, 2nd edition, chapter 2. Wiley.

    Examples
    --------
    The first two columns are the same, the third has nothing to do with them:

    >>> from fastmle import mutual_information
    >>> mutual_information([[0, 0, 1], [0, 0, 0], [1, 1, 1], [1, 1, 0]], base=2)
    array([[1., 1., 0.],
           [1., 1., 0.],
           [0., 0., 1.]])
    """
    unit, _ = unit_of(base)
    return _inform(X, sample_weight, n_jobs)[0] / unit


class IndependenceTest(NamedTuple):
    """What :func:`independence_test` returns: three arrays of shape (n_features, n_features).

    Attributes
    ----------
    mutual_information : ndarray of float64
        In nats.
    statistic : ndarray of float64
        G, twice the sum of weights times the mutual information.
    p_value : ndarray of float64
        Probability that the statistic of independent columns is as large; 0 where it is too small for a
        number.

    Examples
    --------
    >>> from fastmle import independence_test
    >>> test = independence_test([[0, 0], [1, 1]] * 2000)
    >>> print(test.p_value[0, 1], test.log_p_value[0, 1].round(1))
    0.0 -2777.1
    """

    mutual_information: np.ndarray
    statistic: np.ndarray
    p_value: np.ndarray

    @property
    def log_p_value(self):
        """Natural logarithm of the p-value, finite however small that is."""
        return math.log(2.0) + log_ndtr(-np.sqrt(self.statistic))


def independence_test(X, *, sample_weight=None, n_jobs=None):
    r"""Test all pairs of columns of a table of zeros and ones for independence, by the likelihood ratio.

    The statistic G is twice the log-likelihood ratio of the table of two columns against that of independent
    columns. If they are independent and the expected counts not small (5 is a usual bound), it is distributed
    as chi-squared with one degree of freedom.

    Parameters
    ----------
    X : BitMatrix or array-like of shape (n_samples, n_features)
        Rows of zeros and ones: array, sparse matrix, data frame or BitMatrix.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows; None uses those of a BitMatrix, or one each. A weight of k is the row k times, so
        weights that are not numbers of observations do not give p-values.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.

    Returns
    -------
    IndependenceTest
        The named triple (mutual_information, statistic, p_value) of symmetric arrays of shape (n_features,
        n_features); its `log_p_value` is for p-values that are too small for a number. A constant column has
        a statistic of 0 and a p-value of 1 with all others.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1, if `X` is empty, or for weights that are negative, not finite or all
        zero.

    See Also
    --------
    mutual_information : Its matrix alone.

    Notes
    -----
    :math:`G = 2 n I` with the mutual information I in nats, and :math:`p = \mathrm{erfc} \sqrt{G / 2}`.

    There are many pairs, and one in twenty pairs of independent columns has p < 0.05. To bound the share of
    false discoveries, pass the p-values above the diagonal to :func:`scipy.stats.false_discovery_control`.

    References
    ----------
    Wilks, S. S. (1935). The likelihood test of independence in contingency tables. Annals of Mathematical
    Statistics 6.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import false_discovery_control
    >>> from fastmle import independence_test
    >>> X = np.random.default_rng(0).random((1000, 3)) < 0.3
    >>> X[:, 2] |= X[:, 0]
    >>> test = independence_test(X)
    >>> test.p_value.round(3)
    array([[0.   , 0.1  , 0.   ],
           [0.1  , 0.   , 0.135],
           [0.   , 0.135, 0.   ]])
    >>> pairs = np.triu_indices(3, 1)
    >>> adjusted = false_discovery_control(test.p_value[pairs])
    >>> np.transpose(pairs)[adjusted < 0.05].tolist()
    [[0, 2]]
    """
    information, total = _inform(X, sample_weight, n_jobs)
    statistic, p_value = np.empty_like(information), np.empty_like(information)

    def run(rows):
        np.multiply(information[rows], 2 * total, out=statistic[rows])
        np.multiply(information[rows], total, out=p_value[rows])
        np.sqrt(p_value[rows], out=p_value[rows])
        erfc(p_value[rows], out=p_value[rows])

    map_units(run, _units(len(information)), n_jobs=n_jobs, work=20 * information.size)
    return IndependenceTest(information, statistic, p_value)


def _units(n_features):
    """Return slices of the rows of a matrix of all pairs."""
    return split_evenly(n_features, -(-(n_features**2) // _UNIT_PAIRS))


def _inform(X, sample_weight, n_jobs):
    """Return the mutual information of all pairs in nats, and the sum of weights."""
    bits = check_not_empty(BitMatrix.from_array(X, sample_weight=sample_weight, n_jobs=n_jobs))
    total = bits.total_weight
    # In this unit no product of counts overflows; whole numbers stay exact.
    unit = math.ldexp(1.0, -max(math.frexp(total)[1], -1000))
    values = bits.gram(n_jobs=n_jobs) * unit
    ones, total_in_units = np.diagonal(values).copy(), total * unit
    if bits.sample_weight is not None:
        # Sums of rounded weights depend on their order; those of columns of ones are all the total.
        constant = _are_always_one(bits, n_jobs)
        ones[constant] = total_in_units
        values[constant] = ones
        values[:, constant] = ones[:, None]

    def run(rows):
        kernels.inform_pairs(ones[rows], ones, total_in_units, values[rows])

    map_units(run, _units(len(values)), n_jobs=n_jobs, work=20 * values.size)
    return values, total


def _are_always_one(bits, n_jobs):
    """Return which columns are ones in all rows that have a weight."""
    present = (bits.sample_weight > 0).astype(np.float64)
    counts = BitMatrix.from_array(bits, sample_weight=present).column_counts(n_jobs=n_jobs)
    return counts == present.sum()
