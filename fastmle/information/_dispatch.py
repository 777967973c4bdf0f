"""The one room where arrays, fitted densities, data and distributions part ways."""

import inspect
from collections.abc import Callable
from numbers import Number
from typing import NamedTuple

from numpy import ndarray
from numpy.ma import MaskedArray

from ..data import BitMatrix
from ._options import unit_of
from .densities import is_density
from .empirical import of_data
from .models import of_densities

_ARRAYS, _DENSITIES, _DATA = "arrays of probabilities", "fitted densities", "data"
_DISTRIBUTIONS = "SciPy distributions"
_ARRAY_DEFAULTS = {"axis": -1, "keepdims": False, "log": False, "normalize": False, "nan_policy": "raise"}


def _options_of(function):
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - {"base", "n_jobs"}


_FUNCTIONS = {_DENSITIES: of_densities, _DATA: of_data}
_OPTIONS = {_ARRAYS: set(_ARRAY_DEFAULTS)} | {kind: _options_of(f) for kind, f in _FUNCTIONS.items()}


class Measure(NamedTuple):
    """An entropy or a divergence, as the public functions have them in common.

    Attributes
    ----------
    function : str
        Name of the public function.
    title : str
        What results call it.
    sum_arrays : callable
        ``sum_arrays(p, q, axis, keepdims, log, normalize, nan_policy, n_jobs)`` of arrays, nats.
    estimated : {"entropy", "cross_entropy", "kl"} or None, default=None
        What is averaged over samples of p, or rows; None where there are sums over all states only.
    has_base : bool, default=True
        Whether it is a logarithm.
    """

    function: str
    title: str
    sum_arrays: Callable
    estimated: str | None = None
    has_base: bool = True


def evaluate(measure, p, q, base, options, axis, keepdims, log, normalize, nan_policy, n_jobs):
    """Return a measure of what p and q are; of an entropy both are the same object.

    Parameters
    ----------
    measure : Measure
        What is wanted.
    p, q : object
        The arguments.
    base : float or None
        Base of the logarithm.
    options : dict
        Options that arrays do not have.
    axis, keepdims, log, normalize, nan_policy
        Options that only arrays have.
    n_jobs : int or None
        Number of threads.
    """
    # Two short arrays take two microseconds: they are not asked for more than their type.
    if options or type(p) is not ndarray or type(q) is not ndarray:
        kind = _kind_of_pair(measure, p, q)
        if options or kind != _ARRAYS:
            _check_options(measure, kind, options, (axis, keepdims, log, normalize, nan_policy))
        if kind != _ARRAYS:
            function = _FUNCTIONS.get(kind, _of_distributions)
            return function(measure, p, q, base=base, n_jobs=n_jobs, **options)
    value = measure.sum_arrays(p, q, axis, keepdims, log, normalize, nan_policy, n_jobs)
    return value if base is None else value / unit_of(base)[0]


def _kind_of_pair(measure, p, q):
    first, second = _kind(p), _kind(q)
    if second == _DENSITIES and first in (_ARRAYS, _DATA) and measure.estimated is not None:
        return _DATA
    if first == second and (first != _DATA or measure.estimated == "entropy"):
        return first
    more = ", two SciPy distributions, or data and then a fitted density" * (measure.estimated is not None)
    raise TypeError(
        f"{measure.function} takes two arrays of probabilities, two fitted densities{more}; got "
        f"{type(p).__name__} and {type(q).__name__}"
    )


def _kind(thing):
    if isinstance(thing, BitMatrix):
        return _DATA
    if isinstance(thing, MaskedArray) and thing.mask.any():
        raise ValueError(
            'masks are not looked at: pass filled(numpy.nan) with nan_policy="omit" or "propagate"'
        )
    if isinstance(thing, (list, tuple, Number)) or hasattr(thing, "__array__"):
        return _ARRAYS
    if is_density(thing):
        return _DENSITIES
    from .distributions import is_distribution

    return _DISTRIBUTIONS if is_distribution(thing) else _ARRAYS


def _check_options(measure, kind, options, array_options):
    """Raise a TypeError for an option that belongs to another kind of arguments."""
    changed = zip(_ARRAY_DEFAULTS.items(), array_options, strict=False)
    given = [name for (name, default), value in changed if value != default and kind != _ARRAYS]
    if kind != _DISTRIBUTIONS:
        given += [name for name in options if name not in _OPTIONS[kind]]
    for name in given:
        owners = " and ".join(owner for owner, names in _OPTIONS.items() if name in names)
        raise TypeError(
            f"{measure.function} of {kind} has no option {name}: it is one of {owners}"
            if owners
            else f"{measure.function} has no option {name}"
        )


def _of_distributions(measure, p, q, *, base, n_jobs, **options):
    """Return a measure of SciPy's distributions."""
    from . import distributions

    if n_jobs is not None:
        options["n_jobs"] = n_jobs
    if measure.estimated == "entropy":
        return distributions.entropy_of_distribution(p, base=base, **options)
    if measure.estimated is None:
        raise TypeError(f"{measure.function} is not known for distributions; kl_divergence is")
    function = "kl" if measure.estimated == "kl" else "cross_entropy"
    return getattr(distributions, f"{function}_of_distributions")(p, q, base=base, **options)
