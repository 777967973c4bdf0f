"""How times grow with rows, columns and threads, and how objectives fall with time."""

import itertools
import statistics
from dataclasses import dataclass

import numpy as np
from cases import load_table, make_problem
from measure import measure
from problems import Fit, ValueAndGradient, likelihood
from threadpoolctl import threadpool_limits

# Entries of a table up to which peers are shown, which take some 40 times the memory that bits take.
_PEER_ENTRIES = 1e8
_GROWTH_DENSITY = 0.2


@dataclass
class Growth:
    """Times of each peer along an axis: name -> {place: seconds}."""

    title: str
    axis: str
    seconds: dict


def _measure(places, peers, rounds):
    """Return name -> {place: seconds} for the (place, problem, threads) of `places`, in turn."""
    seconds = {}
    for place, problem, threads in places:
        large = problem.n_samples * problem.n_features > _PEER_ENTRIES
        for result in measure(problem, peers[:1] if large else peers, threads, rounds):
            if result.wrong:
                raise AssertionError(f"{result.peer} on {problem.name}: {result.wrong}")
            seconds.setdefault(result.peer, {})[place] = result.median
    return seconds


def growth_in_rows(peers, threads, rounds, toy):
    d, sizes = (16, (100, 1000)) if toy else (64, (10**4, 10**5, 10**6, 10**7))
    places = ((n, make_problem(ValueAndGradient, n, d, _GROWTH_DENSITY), threads) for n in sizes)
    return Growth(f"value + gradient, {d} columns", "rows", _measure(places, peers, rounds))


def growth_in_columns(peers, threads, rounds, toy):
    n, sizes = (200, (8, 32)) if toy else (10**4, (16, 32, 64, 128, 256, 512, 1024, 2048))
    places = ((d, make_problem(ValueAndGradient, n, d, _GROWTH_DENSITY), threads) for d in sizes)
    return Growth(f"value + gradient, {n} rows", "columns", _measure(places, peers, rounds))


def growth_in_threads(peers, threads, rounds, toy):
    """Numbers of threads take turns too: efficiency compares them."""
    shape = (300, 20) if toy else (20000, 784)
    problem = make_problem(ValueAndGradient, *shape, _GROWTH_DENSITY)
    numbers = [*itertools.takewhile(lambda k: k < threads, (2**k for k in itertools.count())), threads]
    runs = [_measure(((k, problem, k) for k in numbers), peers, 1) for _ in range(rounds)]
    # Those that take all cores, whatever one says, have no times for fewer.
    names = [name for name in runs[0] if len(runs[0][name]) == len(numbers)]
    seconds = {name: {k: statistics.median(run[name][k] for run in runs) for k in numbers} for name in names}
    return Growth(f"value + gradient, {shape[0]} x {shape[1]}", "threads", seconds)


@dataclass
class SolverCurves:
    """Relative gaps above the least objective known, by the seconds gone: name -> (seconds, gaps).

    `certain` bounds how far that least objective may itself be above the optimum.
    """

    title: str
    curves: dict
    certain: float

    @property
    def caveat(self):
        return f"by its gradient the least objective known is at most {self.certain:.1e} above the optimum"

    def seconds_to(self, name, gap):
        """Return when a solver was first within a gap, or None."""
        return next((s for s, g in zip(*self.curves[name], strict=True) if g <= gap), None)


def solver_curves(peers, threads, seconds, toy):
    """Run every solver that has a curve, on binarized MNIST where it is there."""
    table = None if toy else load_table("binarized_mnist")
    if table is None:
        problem = make_problem(Fit, *((300, 12) if toy else (20000, 200)), 0.13)
    else:
        problem = Fit(f"fit binarized_mnist {table.shape[0]} x {table.shape[1]}", *table.shape, 0.13, table)
    curves, ends = {}, []
    with threadpool_limits(threads):
        for peer in peers:
            if hasattr(peer, "curve"):
                curve, parameters = peer.curve(problem, threads, seconds)
                _check_end(problem, peer, curve, parameters)
                curves[peer.name] = curve
                ends.append(parameters)
    best = min(ends, key=lambda parameters: problem.objective(*parameters).sum())
    least = problem.objective(*best).sum()
    gaps = {name: np.minimum.accumulate(curve.objective) / least - 1 for name, curve in curves.items()}
    return SolverCurves(
        f"{problem.name}, alpha={problem.alpha:g}",
        {name: (curve.seconds, gaps[name]) for name, curve in curves.items()},
        _distance_bound(problem, *best) / least,
    )


def _check_end(problem, peer, curve, parameters):
    """Hold the objective that a solver claims at its end against float64."""
    right = problem.objective(*parameters).sum()
    error = abs(curve.objective[-1] / right - 1)
    if not error <= 1e-6 * peer.slack:
        raise AssertionError(f"{peer.name} claims an objective that is off by {error:.1e}")


def _distance_bound(problem, coef, intercept):
    """Bound the objective above its optimum by the gradient in the weights: the penalty's curvature.

    The objective, minimised over the intercepts, is `alpha`-strongly convex in the weights.
    """
    gradient = problem.alpha * coef - likelihood(problem.X, coef, intercept)[1]
    return (np.tril(gradient, k=-1) ** 2).sum() / (2 * problem.alpha)
