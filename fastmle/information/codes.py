"""Lengths of codes: what outcomes cost under a distribution that a code was made for."""

import numpy as np

from ._options import unit_of
from ._sums import Pairs
from .densities import as_density, is_density


def code_length(q, x, base=2):
    """Return the lengths of the codes of outcomes, in a code that is best for q.

    -log_b q(x): rare outcomes have long codes. An arithmetic coder comes within two bits of it, for a whole
    message.

    Parameters
    ----------
    q : array-like of float, shape (n_outcomes,), or fitted density
        Probabilities of the outcomes, or a density of rows.
    x : int or array-like of int, or BitMatrix or table of shape (n_samples, n_features)
        Outcomes, as indices into q; rows, where q is a density.
    base : float or None, default=2
        Base of the code: 2 for bits, None for nats.

    Returns
    -------
    float or ndarray
        Lengths, of the shape of x, or of shape (n_samples,) for rows; infinite for what q excludes.

    Raises
    ------
    ValueError
        If q does not sum to one, if an outcome is none of q's, or if rows do not fit the density.
    TypeError
        If outcomes are no integers.

    See Also
    --------
    expected_code_length : Their mean over outcomes of another distribution.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, 2nd edition, chapter 5. Wiley.

    Examples
    --------
    >>> from fastmle import BernoulliMLE, code_length
    >>> code_length([0.5, 0.25, 0.25], [0, 1, 2])
    array([1., 2., 2.])
    >>> coins = BernoulliMLE().fit([[0, 0], [0, 1], [1, 1], [1, 0]])
    >>> code_length(coins, [[1, 1], [0, 1]])
    array([2., 2.])
    """
    unit, _ = unit_of(base)
    if is_density(q):
        density = as_density(q, "q")
        return 0.0 - density.scores(density.take(x)) / unit
    q = np.asarray(q)
    if q.ndim != 1:
        raise ValueError(f"q must be one vector of probabilities, got an array of shape {q.shape}")
    options = {"axis": -1, "log": False, "normalize": False, "nan_policy": "raise", "n_jobs": None}
    Pairs(q, q, **options, names="q", offered=()).checked_sums("measure")
    x = np.asarray(x)
    if x.dtype.kind not in "iu":
        raise TypeError(f"x must be integers, indices of outcomes, got an array of {x.dtype}")
    wrong = (x < 0) | (x >= len(q))
    if wrong.any():
        raise ValueError(f"x has the outcome {x[wrong][0]}: those of q are 0 to {len(q) - 1}")
    with np.errstate(divide="ignore"):
        lengths = np.maximum(-np.log(q[x].astype(np.float64)), 0.0) / unit
    return float(lengths) if x.ndim == 0 else lengths
