"""Why maximum likelihood: the expected log-likelihood is minus entropy minus divergence, term by term."""

import numpy as np
from scipy.special import xlogy

from .. import kernels
from ..data.sources import check_not_empty
from ._options import unit_of
from ._sums import plain_settings
from .densities import as_density, check_alike, is_density
from .enumeration import log_probabilities, state_weights


def decompose(model_data, model, *, order=None, base=None, sample_weight=None, n_jobs=None):
    r"""Split the expected log-likelihood of a density into the entropy of the data and a divergence.

    ``-E_p[log q] = H(p) + KL(p || q)``. The entropy does not depend on q, so that the q with the highest
    expected log-likelihood is the one with the smallest divergence: maximum likelihood minimises it.
    By the chain rule each of the three is a sum over variables, of the conditionals of x_i given the
    variables before it.

    Parameters
    ----------
    model_data : object
        p: a fitted density, or data (a BitMatrix or table of zeros and ones), which stands for its empirical
        distribution.
    model : object
        q: a fitted density over the same variables, 20 at most.
    order : array-like of int, shape (n_features,), or None, default=None
        The order in which the chain rule takes the variables; None takes that of `model`, or the columns as
        they stand.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows of data.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.

    Returns
    -------
    Decomposition
        ``entropy``, ``cross_entropy`` and ``kl``, and the terms of each by variable; it prints as a table.

    Raises
    ------
    ValueError
        If there are more than 20 variables, if p and q do not have the same ones, or if `order` is no
        permutation.
    TypeError
        If `sample_weight` is given for a density.
    sklearn.exceptions.NotFittedError
        If a density is not fitted.

    Notes
    -----
    .. math:: \mathrm{KL}(p \| q) =
              \sum_i E_{p(x_{<i})} \mathrm{KL}\big(p(x_i | x_{<i}) \| q(x_i | x_{<i})\big)

    The divergence of the empirical distribution, too, is what a fit minimises; as an estimate of that of
    its source it is biased, see :func:`fastmle.kl_divergence`.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, 2nd edition, theorem 2.5.3. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import BernoulliMLE, decompose
    >>> X = np.repeat([[0, 0, 1], [1, 1, 0], [1, 1, 1]], [30, 50, 20], axis=0)
    >>> print(decompose(X, BernoulliMLE(smoothing=1).fit(X)))
    nats  -E_p[log q]  =      H(p)  +  KL(p || q)
    x0      0.610901     0.610864    3.6436e-05
    x1      0.610901     0.000000      0.610901
    x2      0.693147     0.418789      0.274358
    all     1.914949     1.029653      0.885296
    """
    unit, unit_name = unit_of(base)
    q = as_density(model, "model")
    table_q = np.exp(log_probabilities(q, n_jobs))
    if is_density(model_data):
        if sample_weight is not None:
            raise TypeError("sample_weight belongs to data, and model_data is a density")
        p = as_density(model_data, "model_data")
        check_alike(p, q)
        names, table_p = p.feature_names, np.exp(log_probabilities(p, n_jobs))
    else:
        bits = check_not_empty(q.pack(model_data)._with(sample_weight=sample_weight))
        names, table_p = bits.feature_names, state_weights(bits)
        if len(table_p) != len(table_q):
            raise ValueError(f"model_data has {bits.shape[1]} columns, {q.name} has {q.n_features} variables")
    names = q.feature_names if names is None else names
    if names is None:
        names = np.array([f"x{j}" for j in range(q.n_features)], dtype=object)
    order = _checked_order(getattr(q, "order", None) if order is None else order, q.n_features)
    axes = q.n_features - 1 - order
    joint_p, joint_q = (
        (table / table.sum()).reshape((2,) * q.n_features).transpose(axes) for table in (table_p, table_q)
    )
    terms = np.empty((2, q.n_features))
    for j in order[::-1]:
        joint_p, joint_q = joint_p.reshape(-1, 2), joint_q.reshape(-1, 2)
        before_p, before_q = joint_p.sum(axis=1), joint_q.sum(axis=1)
        terms[:, j] = _terms(joint_p, before_p, joint_q, before_q)
        joint_p, joint_q = before_p, before_q
    return Decomposition(*terms / unit, order, names, unit_name)


def _checked_order(order, n_features):
    order = np.arange(n_features) if order is None else np.asarray(order)
    if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order), np.arange(n_features)):
        raise ValueError(f"order must be a permutation of range({n_features}), the indices of the variables")
    return order


def _terms(joint_p, before_p, joint_q, before_q):
    """Return the entropy and the divergence of a variable given those before it, nats.

    Where q excludes what stands before, an earlier term is infinite, and this one is of what q allows.
    """
    possible = before_p > 0
    entropy = 0.0 - xlogy(joint_p[possible], joint_p[possible] / before_p[possible, None]).sum()
    allowed = possible & (before_q > 0)
    # p(x_<i) q(x_i | x_<i), which has the same sum as p(x_<i) p(x_i | x_<i).
    others = joint_q[allowed] * (before_p[allowed] / before_q[allowed])[:, None]
    results = np.empty((1, kernels.SUM_RESULTS))
    kernels.sum_probabilities(
        kernels.SUM_KINDS["kl"],
        False,
        False,
        joint_p[allowed].ravel(),
        others.ravel(),
        plain_settings(),
        results,
    )
    return entropy, results[0, 0]


class Decomposition:
    """What :func:`fastmle.decompose` finds, in the units that it was asked for.

    Attributes
    ----------
    entropy, kl, cross_entropy : float
        H(p), KL(p || q), and their sum -E_p[log q].
    entropy_terms, kl_terms, cross_entropy_terms : ndarray of shape (n_features,)
        What each variable given those before it adds to them, in original columns.
    order : ndarray of int, shape (n_features,)
        The order of the chain rule.
    feature_names : ndarray of object, shape (n_features,)
        Names of the variables; x0, x1, .. where they have none.
    """

    def __init__(self, entropy_terms, kl_terms, order, feature_names, unit_name):
        self.entropy_terms, self.kl_terms = entropy_terms, kl_terms
        self.cross_entropy_terms = entropy_terms + kl_terms
        self.entropy, self.kl = float(entropy_terms.sum()), float(kl_terms.sum())
        self.cross_entropy = self.entropy + self.kl
        self.order, self.feature_names, self._unit_name = order, feature_names, unit_name

    def __repr__(self):
        return f"<Decomposition {self.cross_entropy:.6g} = {self.entropy:.6g} + {self.kl:.6g}>"

    def __str__(self):
        columns = self.cross_entropy_terms, self.entropy_terms, self.kl_terms
        names = [str(name) for name in self.feature_names[self.order]]
        rows = zip(names, *(column[self.order] for column in columns), strict=True)
        total = "all", self.cross_entropy, self.entropy, self.kl
        width = max(3, *map(len, names))
        lines = [f"{self._unit_name:{width}}  -E_p[log q]  =      H(p)  +  KL(p || q)"]
        lines += [f"{name:{width}}  {c:11.6f}  {h:11.6f}  {k:12.6g}" for name, c, h, k in (*rows, total)]
        return "\n".join(lines)
