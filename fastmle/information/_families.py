"""Closed forms of the Kullback-Leibler divergence of two members of one family of distributions."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg, special, stats

from ..montecarlo.adapters import categories_of, is_categorical, parameters_of
from ._bregman import bernoulli_divergence, kl_term, log_divergence, stirling_divergence
from ._options import sum_up

# What SciPy takes for a sum of one may differ from it by more than sums of this library do.
_SUM_TOLERANCE = 1e-8
# Beside the largest variance, what is not in the range of a singular covariance may be this large.
_RANGE_TOLERANCE = 1e-9


class Family(NamedTuple):
    """Distributions whose divergences have a common closed form.

    Attributes
    ----------
    members : dict
        For types of SciPy's distributions the function of (*shapes, loc, scale) that returns the parameters
        by which the family goes.
    divergence : callable
        Function of the parameters of p and q, two tuples of arrays of one shape, that returns KL for each
        entry, or None where there is no closed form.
    """

    members: dict
    divergence: Callable


def kl_closed_form(p, q):
    """Return KL(p || q) of two frozen distributions in nats, or None where no closed form is known.

    Relative errors are some 1e-15, near p = q as well, with these exceptions. Of gamma distributions with a
    large shape a they are up to 1e-16 sqrt(a), where the means of p and q all but agree. Of beta and
    Dirichlet distributions they are 1e-13 while shapes are above 1e-3; a smaller shape a beside a large one
    makes them 1e-16 / a. Of multivariate normal ones they go with the condition of the covariance of q.

    Parameters
    ----------
    p, q : frozen SciPy distributions
        With samples of the same shape, both continuous or both discrete.

    Returns
    -------
    float or None
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if not (hasattr(p, "dist") and hasattr(q, "dist")):
            value = _of_multivariate(p, q)
        elif is_categorical(p) and is_categorical(q):
            value = _categorical(categories_of(p), categories_of(q))
        else:
            value = _of_family(p, q)
    return None if value is None else float(np.sum(value))


def entropy_closed_form(p):
    """Return the entropy of a frozen distribution in nats, or None where no closed form is known.

    Parameters
    ----------
    p : frozen SciPy distribution

    Returns
    -------
    float or None
    """
    if not hasattr(p, "dist"):
        return float(p.entropy()) if _kind(p) else None
    if is_categorical(p):
        probabilities = categories_of(p)[1]
        return sum_up(
            "entropy", probabilities, probabilities, -1, False, False, _is_off(probabilities), "raise", None
        )
    if type(p.dist) in (type(stats.bernoulli), type(stats.geom)):
        (rate,), _, _, row_shape = parameters_of(p)
        rate = np.broadcast_to(rate, row_shape)
        of_a_trial = -special.xlogy(rate, rate) - special.xlog1py(1 - rate, -rate)
        return float(np.sum(of_a_trial / rate if type(p.dist) is type(stats.geom) else of_a_trial))
    return float(np.sum(p.entropy())) if type(p.dist) in _WITH_ENTROPY else None


def _of_family(p, q):
    for members, divergence in _FAMILIES:
        if type(p.dist) in members and type(q.dist) in members:
            value = divergence(_canonical(p, members), _canonical(q, members))
            if value is not None:
                return value
    return None


def _canonical(P, members):
    """Return the parameters of a distribution in its family, float64, of the shape of a row."""
    shapes, loc, scale, row_shape = parameters_of(P)
    numbers = [np.asarray(number, dtype=np.float64) for number in (*shapes, loc, scale)]
    return [np.broadcast_to(number, row_shape) for number in members[type(P.dist)](*numbers)]


# Families: each function takes the parameters of p and of q


def _normal(p, q):
    (loc_p, scale_p), (loc_q, scale_q) = p, q
    ratio = scale_p / scale_q
    change = (scale_p - scale_q) / scale_q * (ratio + 1)  # of the variances
    near, far = log_divergence(1.0, ratio * ratio, change), change - 2 * (np.log(scale_p) - np.log(scale_q))
    return (np.where(np.abs(change) < 0.5, near, far) + ((loc_p - loc_q) / scale_q) ** 2) / 2


def _uniform(p, q):
    (low_p, width_p), (low_q, width_q) = p, q
    # Ends that differ by rounding are the same ends.
    slack = 4 * np.finfo(float).eps * np.maximum(np.abs(low_q) + width_q, np.abs(low_p) + width_p)
    inside = (low_p >= low_q - slack) & (low_p + width_p <= low_q + width_q + slack)
    return np.where(inside, np.maximum(np.log1p((width_q - width_p) / width_p), 0.0), np.inf)


def _exponential(p, q):
    (loc_p, scale_p), (loc_q, scale_q) = p, q
    same_loc = log_divergence(scale_q, scale_p, scale_p - scale_q)
    return np.where(loc_p >= loc_q, same_loc + (loc_p - loc_q) / scale_q, np.inf)


def _gamma(p, q):
    """Shapes apart at equal means, and means apart."""
    (a, loc_p, scale_p), (b, loc_q, scale_q) = p, q
    if np.any(loc_p != loc_q):
        return None
    ratio = a / b * (scale_p / scale_q)
    change = (a - b) / b * (scale_p / scale_q) + (scale_p - scale_q) / scale_q
    change = np.where(np.abs(a - b) < b / 2, change, ratio - 1)
    return stirling_divergence(a, b, b - a) + b * log_divergence(1.0, ratio, change)


def _beta(p, q):
    (*shapes_p, loc_p, scale_p), (*shapes_q, loc_q, scale_q) = p, q
    if np.any(loc_p != loc_q) or np.any(scale_p != scale_q):
        return None
    return _dirichlet(np.stack(shapes_p, axis=-1), np.stack(shapes_q, axis=-1))


def _dirichlet(a, b):
    """Shapes apart at equal means, and means apart; the shapes are along the last axis."""
    change = b - a
    total_a, total_b, moved = (x.sum(axis=-1, keepdims=True) for x in (a, b, change))
    # a_i / total_a differs from b_i / total_b by what the others have gained.
    gained = a * _sum_of_others(change) - change * _sum_of_others(a)
    means = b * log_divergence(1.0, a / b * (total_b / total_a), gained / b / total_a)
    shapes = stirling_divergence(a, b, change).sum(axis=-1)
    total = stirling_divergence(total_a[..., 0], total_b[..., 0], moved[..., 0])
    return np.maximum(means.sum(axis=-1) + (shapes - total), 0.0)


def _sum_of_others(x):
    """Return for each entry the sum of the others along the last axis, without subtracting."""
    nothing = np.zeros_like(x[..., :1])
    before = np.concatenate([nothing, np.cumsum(x[..., :-1], axis=-1)], axis=-1)
    after = np.concatenate([nothing, np.cumsum(x[..., :0:-1], axis=-1)], axis=-1)[..., ::-1]
    return before + after


def _binomial(p, q):
    (n_p, rate_p, loc_p), (n_q, rate_q, loc_q) = p, q
    if np.any(n_p != n_q) or np.any(loc_p != loc_q):
        return None
    return np.where(n_p > 0, n_p * bernoulli_divergence(rate_p, rate_q), 0.0)


def _poisson(p, q):
    (mean_p, loc_p), (mean_q, loc_q) = p, q
    return None if np.any(loc_p != loc_q) else kl_term(mean_p, mean_q, mean_q - mean_p)


def _geometric(p, q):
    (rate_p, loc_p), (rate_q, loc_q) = p, q
    return None if np.any(loc_p != loc_q) else bernoulli_divergence(rate_p, rate_q) / rate_p


_FAMILIES = [
    Family({type(stats.norm): lambda loc, scale: (loc, scale)}, _normal),
    Family({type(stats.uniform): lambda loc, scale: (loc, scale)}, _uniform),
    Family({type(stats.expon): lambda loc, scale: (loc, scale)}, _exponential),
    Family(
        {
            type(stats.gamma): lambda a, loc, scale: (a, loc, scale),
            type(stats.expon): lambda loc, scale: (1.0, loc, scale),
            type(stats.chi2): lambda df, loc, scale: (df / 2, loc, 2 * scale),
        },
        _gamma,
    ),
    Family(
        {
            type(stats.beta): lambda a, b, loc, scale: (a, b, loc, scale),
            type(stats.uniform): lambda loc, scale: (1.0, 1.0, loc, scale),
            type(stats.arcsine): lambda loc, scale: (0.5, 0.5, loc, scale),
        },
        _beta,
    ),
    Family(
        {
            type(stats.binom): lambda n, rate, loc, scale: (n, rate, loc),
            type(stats.bernoulli): lambda rate, loc, scale: (1.0, rate, loc),
        },
        _binomial,
    ),
    Family({type(stats.poisson): lambda mean, loc, scale: (mean, loc)}, _poisson),
    Family({type(stats.geom): lambda rate, loc, scale: (rate, loc)}, _geometric),
]

# Families whose entropy SciPy has in closed form. (Those of binomial and Poisson distributions are sums.)
_WITH_ENTROPY = {
    type(family)
    for family in (
        stats.norm,
        stats.uniform,
        stats.expon,
        stats.gamma,
        stats.chi2,
        stats.beta,
        stats.arcsine,
    )
}


# Tables of outcomes, and distributions of rows


def _categorical(p, q):
    """KL of two tables (outcomes, probabilities), which need not have the same outcomes."""
    outcomes = np.unique(np.concatenate([p[0], q[0]]))
    tables = np.zeros((2, len(outcomes)))
    for table, (own, probabilities) in zip(tables, (p, q), strict=True):
        table[np.searchsorted(outcomes, own)] = probabilities
    return _sum_of_terms(*tables)


def _sum_of_terms(p, q):
    normalize = _is_off(p) or _is_off(q)
    return sum_up("kl", p, q, -1, False, False, normalize, "raise", None)


def _is_off(probabilities):
    return abs(probabilities.sum() - 1) > _SUM_TOLERANCE


@functools.cache
def _frozen_types():
    return {
        type(stats.multivariate_normal()): "normal",
        type(stats.dirichlet([1.0, 1.0])): "dirichlet",
        type(stats.multinomial(1, [0.5, 0.5])): "multinomial",
    }


def _of_multivariate(p, q):
    kinds = {"normal" if type(getattr(P, "dist", None)) is type(stats.norm) else _kind(P) for P in (p, q)}
    if kinds == {"normal"}:
        return _multivariate_normal(_moments(p), _moments(q))
    if kinds == {"dirichlet"}:
        return _dirichlet(*(np.asarray(P.alpha, dtype=np.float64) for P in (p, q)))
    if kinds == {"multinomial"}:
        return _multinomial(p, q)
    return None


def _kind(P):
    return _frozen_types().get(type(P))


def _moments(P):
    """Return mean, covariance and its rank, of a normal distribution of any kind."""
    if _kind(P):
        return np.atleast_1d(P.mean), np.atleast_2d(P.cov_object.covariance), P.cov_object.rank
    parameters = parameters_of(P)
    loc, scale = (np.broadcast_to(x, parameters.row_shape).reshape(-1) for x in parameters[1:3])
    return loc, np.diag(np.square(scale, dtype=np.float64)), len(loc)


def _multivariate_normal(p, q):
    """With the eigenvalues 1 + e of C_q^-1 C_p, half the sum of e - log(1 + e) and the distance."""
    (mean_p, covariance_p, rank_p), (mean_q, covariance_q, rank_q) = p, q
    shift = mean_p - mean_q
    if rank_p != rank_q:
        return np.inf
    if rank_q < len(mean_q):
        variances, directions = linalg.eigh(covariance_q)
        null, basis = np.split(directions, [len(mean_q) - rank_q], axis=1)
        largest = max(variances[-1], linalg.norm(covariance_p, 2))
        if linalg.norm(null.T @ covariance_p) > _RANGE_TOLERANCE * largest or linalg.norm(
            null.T @ shift
        ) > _RANGE_TOLERANCE * (np.sqrt(largest) + linalg.norm(mean_q)):
            return np.inf
        shift = basis.T @ shift
        covariance_p, covariance_q = (basis.T @ matrix @ basis for matrix in (covariance_p, covariance_q))
    root_p, root_q = (linalg.cholesky(matrix, lower=True) for matrix in (covariance_p, covariance_q))

    def whiten(x):
        return linalg.solve_triangular(root_q, x, lower=True)

    changes = linalg.eigvalsh(whiten(whiten(covariance_p - covariance_q).T))
    ratios = linalg.svdvals(whiten(root_p))[::-1] ** 2
    distance = whiten(shift)
    return (log_divergence(1.0, ratios, changes).sum() + distance @ distance) / 2


def _multinomial(p, q):
    if np.ndim(p.n) or np.ndim(q.n) or np.ndim(p.p) > 1 or np.ndim(q.p) > 1:
        raise ValueError("a multinomial distribution with several n or rows of p is several distributions")
    for name, P in (("p", p), ("q", q)):
        if P.npcond:
            raise ValueError(f"the parameters of {name} are not valid: multinomial(n={P.n}, p={P.p})")
    return np.inf if p.n != q.n else p.n * _sum_of_terms(p.p, q.p)
