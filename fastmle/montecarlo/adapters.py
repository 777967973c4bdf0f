"""What P may be: SciPy's distributions, models, samplers and data, as the Distribution that each comes to."""

import copy
import functools
import inspect
import math
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg, stats

from .. import kernels
from .alias import alias_table, categorical_parameters
from .distributions import Data, Distribution, Drawn, Filled, as_table

# What is drawn from a model in one go shares its tables: so many bits, but so many rows at least.
_MODEL_NUMBERS, _MODEL_ROWS = 2**20, 2048


def as_distribution(P, weights=None):
    """Return what draws from P.

    Parameters
    ----------
    P : SciPy distribution, fitted density, array-like, BitMatrix or callable
        See :func:`fastmle.expectation`. A Distribution is taken as it is.
    weights : array-like of shape (n_rows,) or None, default=None
        Weights of the rows, where P is data.

    Returns
    -------
    Distribution

    Raises
    ------
    TypeError
        If P is none of these.
    ValueError
        If parameters, data or weights are not usable.
    """
    make = (lambda P: P) if isinstance(P, Distribution) else _maker(P)
    if make is None:
        if callable(P):
            distribution = Drawn("the sampler", P)
        else:
            return Data(as_table(P), weights)
    else:
        distribution = make(P)
    if weights is not None:
        raise TypeError("weights belong to the rows of data; this P draws its samples")
    return distribution


def _maker(P):
    """Return the function that makes a Distribution of P, or None where P is data or a sampler."""
    if hasattr(P, "dist") and hasattr(P, "rvs"):
        return _univariate
    if hasattr(P, "__array__"):  # data frames can sample rows
        return None
    if isinstance(P, type):
        raise TypeError(f"P is the class {P.__name__}; pass an instance of it")
    if isinstance(P, (stats.rv_continuous, stats.rv_discrete)):
        return lambda P: _univariate(freeze(P))
    if hasattr(P, "rvs"):
        return _multivariate_normal if isinstance(P, _frozen_multivariate_normal()) else _multivariate
    if hasattr(P, "icdf") and hasattr(P, "sample"):
        return _scipy_variable
    if hasattr(P, "sample") and "random_state" in inspect.signature(P.sample).parameters:
        return _model
    if hasattr(P, "sample") and "random_state" in getattr(P, "get_params", dict)():
        return _mixture
    if hasattr(P, "resample"):
        return _kernel_density
    if hasattr(P, "sample"):
        raise TypeError(
            f"{type(P).__name__}.sample takes no random_state; wrap it in a sampler: a function "
            "(rng, n) -> samples"
        )
    return None


def is_scipy_distribution(P):
    """Whether P is a distribution of SciPy that has a density or probabilities."""
    if isinstance(P, (stats.rv_continuous, stats.rv_discrete, stats.gaussian_kde)):
        return True
    if isinstance(P, type) or not (hasattr(P, "logpdf") or hasattr(P, "logpmf")):
        return False
    return _maker(P) in (_univariate, _multivariate, _multivariate_normal, _scipy_variable)


@functools.cache
def _rv_sample():
    return type(stats.rv_discrete(values=([0, 1], [0.5, 0.5])))


@functools.cache
def _frozen_multivariate_normal():
    return type(stats.multivariate_normal())


def log_density_of(P):
    """Return log p(samples), whichever method P has for it; None where it has none."""
    if type(getattr(P, "dist", None)) is type(stats.laplace):
        _, loc, scale = P.dist._parse_args(*P.args, **P.kwds)
        return functools.partial(_laplace_log_density, loc, scale)
    names = ("logpmf", "logpdf") if is_discrete_variable(P) else ("logpdf", "logpmf")
    method = getattr(P, names[0], None) or getattr(P, names[1], None)
    if type(P).__name__ in ("dirichlet_frozen", "wishart_frozen", "invwishart_frozen"):
        return lambda samples: method(
            np.moveaxis(samples, 0, -1)
        )  # they want the samples along the last axis
    return method


def is_discrete_variable(P):
    """Whether P is a discrete one of SciPy's newer distributions, whose class is not public."""
    return any(kind.__name__ == "DiscreteDistribution" for kind in type(P).__mro__)


def _laplace_log_density(loc, scale, samples):
    """SciPy takes the logarithm of a density that underflows."""
    return -np.abs(samples - np.asarray(loc)) / scale - np.log(2 * np.asarray(scale))


def _over_columns(log_density, row_shape):
    """Sum a log density over independent columns."""
    if log_density is None or row_shape == ():
        return log_density
    return lambda samples: np.sum(log_density(samples), axis=-1)


# SciPy's distributions


class Parameters(NamedTuple):
    """Parameters of a frozen univariate distribution: each a number, or an array of the shape of a row."""

    shapes: tuple
    loc: Any
    scale: Any
    row_shape: tuple


def freeze(P):
    """Return P, or what it is with default parameters, where it is a distribution such as ``stats.norm``.

    Raises
    ------
    TypeError
        If it has parameters without a default.
    """
    if not isinstance(P, (stats.rv_continuous, stats.rv_discrete)):
        return P
    if P.numargs:
        raise TypeError(f"freeze the distribution with its parameters first: stats.{P.name}({P.shapes})")
    return P()


def parameters_of(P):
    """Return the parameters of a frozen univariate distribution.

    Raises
    ------
    ValueError
        If they are not valid, or have more than one dimension.
    """
    shapes, loc, scale = P.dist._parse_args(*P.args, **P.kwds)
    parameters = *shapes, loc, scale
    scalar = all(isinstance(value, (int, float)) for value in parameters)
    row_shape = () if scalar else np.broadcast_shapes(*map(np.shape, parameters))
    name = P.dist.name
    if len(row_shape) > 1 or 0 in row_shape:
        raise ValueError(f"the parameters of {name} have the shape {row_shape}; rows have one dimension")
    if not (math.isfinite(loc) if scalar else np.isfinite(loc).all()):
        raise ValueError(f"the location of {name} is not finite: {loc}")
    if not (not shapes or np.all(P.dist._argcheck(*map(np.asarray, shapes)))) or not (
        0 < scale < math.inf if scalar else np.all((np.asarray(scale) > 0) & np.isfinite(scale))
    ):
        raise ValueError(f"the parameters of {name} are not valid: {P.args} {P.kwds}")
    return Parameters(shapes, loc, scale, row_shape)


def is_categorical(P):
    """Whether a frozen univariate distribution was made of outcomes and their probabilities."""
    return isinstance(P.dist, _rv_sample())


def categories_of(P):
    """Return the outcomes of such a distribution, ascending, and their probabilities."""
    _, loc, _ = P.dist._parse_args(*P.args, **P.kwds)
    if np.ndim(loc) or not math.isfinite(loc):
        raise ValueError(f"the location of a categorical distribution must be a finite number, got {loc}")
    return P.dist.xk + loc, P.dist.pk


def _univariate(P):
    """A frozen univariate distribution; array parameters make rows with independent entries."""
    if is_categorical(P):
        return _categorical(P)
    shapes, loc, scale, row_shape = parameters_of(P)
    name = P.dist.name

    def columns(*values):
        """Return parameters as a compiled fill wants them: one after the other, an entry a column."""
        table = np.empty((len(values), *row_shape))
        for line, value in enumerate(values):
            table[line] = value
        return table.ravel()

    log_density = _over_columns(log_density_of(P), row_shape)
    family = type(P.dist)
    if family in _LOCATION_FAMILIES:
        fill, quantile = _LOCATION_FAMILIES[family]
        if family is type(stats.norm):  # SciPy's takes twenty times as long
            log_density = _over_columns(functools.partial(_normal_log_density, loc, scale), row_shape)
        return Filled(
            name,
            fill,
            columns(loc, scale),
            row_shape,
            np.float64,
            lambda u: loc + scale * quantile(u).reshape(-1, *row_shape),
            log_density,
        )
    discrete = isinstance(P.dist, stats.rv_discrete)

    def transform(u):
        samples = P.ppf(u.reshape(-1, *row_shape))
        return samples.astype(np.int64) if discrete else samples

    if family is type(stats.bernoulli) and not np.any(loc):
        return Filled(name, "fill_bernoulli", columns(*shapes), row_shape, np.int64, transform, log_density)
    return Drawn(
        name,
        lambda rng, n: P.rvs(size=(n, *row_shape), random_state=rng),
        row_shape=row_shape,
        transform=transform,
        log_density=log_density,
    )


def _normal_quantile(uniform):
    normal = np.empty(uniform.shape)
    kernels.uniform_to_normal(np.ascontiguousarray(uniform).reshape(-1), normal.reshape(-1))
    return normal


def _normal_log_density(loc, scale, samples):
    z = (samples - np.asarray(loc)) / np.asarray(scale)
    return -0.5 * (z * z + math.log(2 * math.pi)) - np.log(scale)


# Families with a compiled fill: its name, and the quantile function at location 0 and scale 1.
_LOCATION_FAMILIES = {
    type(stats.uniform): ("fill_uniform", lambda uniform: uniform),
    type(stats.norm): ("fill_normal", _normal_quantile),
    type(stats.expon): ("fill_exponential", lambda uniform: -np.log1p(-uniform)),
}


def _categorical(P):
    """``stats.rv_discrete(values=(outcomes, probabilities))``."""
    outcomes, probabilities = categories_of(P)
    dtype = np.int64 if outcomes.dtype.kind in "biu" else np.float64
    outcomes = outcomes.astype(dtype)

    def transform(u):
        return np.asarray(P.ppf(u[:, 0])).astype(dtype)

    parameters = categorical_parameters([alias_table(probabilities, outcomes)])
    return Filled(
        "the categorical distribution", "fill_categorical", parameters, (), dtype, transform, P.logpmf
    )


def _multivariate_normal(P):
    mean, covariance = np.atleast_1d(P.mean), np.atleast_2d(P.cov_object.covariance)
    try:
        factor = linalg.cholesky(covariance, lower=True)
    except linalg.LinAlgError:
        # A singular covariance: from its eigenvectors, brought into triangular form.
        eigenvalues, vectors = linalg.eigh(covariance)
        factor = linalg.qr((vectors * np.sqrt(np.maximum(eigenvalues, 0))).T, mode="r")[0].T
    row_shape = () if len(mean) == 1 else (len(mean),)

    def transform(u):
        return mean + _normal_quantile(u) @ factor.T

    parameters = np.concatenate([mean, factor[np.tril_indices(len(mean))]])
    return Filled(
        "multivariate_normal", "fill_correlated", parameters, row_shape, np.float64, transform, P.logpdf
    )


def _multivariate(P):
    # One row comes without its first axis: two are drawn, and the second is left out.
    return Drawn(
        type(P).__name__.removesuffix("_frozen"),
        lambda rng, n: np.asarray(P.rvs(size=max(n, 2), random_state=rng))[:n],
        log_density=log_density_of(P),
    )


def _scipy_variable(P):
    """SciPy's newer distributions, such as ``stats.Normal(mu=0, sigma=1)``."""
    row_shape = np.shape(P.mean())
    if len(row_shape) > 1:
        raise ValueError(
            f"the parameters of {type(P).__name__} have the shape {row_shape}; rows have one dimension"
        )
    return Drawn(
        type(P).__name__,
        lambda rng, n: P.sample(shape=n, rng=rng),
        row_shape=row_shape,
        transform=lambda u: P.icdf(u.reshape(-1, *row_shape)),
        log_density=_over_columns(log_density_of(P), row_shape),
    )


def _kernel_density(P):
    def draw(rng, n):
        rows = np.ascontiguousarray(P.resample(n, rng).T)
        return rows[:, 0] if rows.shape[1] == 1 else rows

    return Drawn(
        type(P).__name__, draw, log_density=lambda samples: P.logpdf(np.asarray(samples, dtype=float).T)
    )


# Models


def _model(P):
    """A fitted density: anything with ``sample(n, random_state=)``."""
    return _drawn_by(P, lambda n, state: P.sample(n, random_state=state))


def _mixture(P):
    """A fitted density with a parameter `random_state`, such as scikit-learn's GaussianMixture."""

    def sample(n, state):
        twin = copy.copy(P)
        twin.random_state = state
        rows = twin.sample(n)
        # With labels the rows come one component after the other, and the first of them are no sample.
        return state.permutation(rows[0]) if isinstance(rows, tuple) else rows

    return _drawn_by(P, sample)


def _drawn_by(P, sample):
    def draw(rng, n):
        # Not every estimator takes a Generator.
        return sample(n, np.random.RandomState(np.random.MT19937(rng.bit_generator.seed_seq)))

    return Drawn(
        type(P).__name__,
        draw,
        log_density=getattr(P, "score_samples", None),
        block_numbers=_MODEL_NUMBERS,
        least_rows=_MODEL_ROWS,
    )
