"""Time all peers on a problem in turn, and measure what the machine could do at best.

A problem's peers take turns, several rounds of it, so that a machine whose speed drifts is fair to all.
Idle threads of linear algebra libraries and of OpenMP spin for a while after a call; before each turn
everyone alike waits until they sleep. Short calls are repeated, so that a turn takes long enough for the
clock, after one call that wakes the peer's own threads.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from peers import Unsuitable
from threadpoolctl import threadpool_limits

# Seconds: a pause before a turn; the least length of a turn; how long one peer may keep a problem.
SETTLE = 0.1
TURN = 0.1
BUDGET = 30.0
# A first call of so many seconds warms up well enough.
_LONG = 5.0


@dataclass
class Result:
    """What one peer took for a problem."""

    peer: str
    seconds: list = field(default_factory=list)
    errors: dict = field(default_factory=dict)
    wrong: str = ""

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def spread(self):
        """Half the distance of the quartiles, relative to the median."""
        low, high = np.percentile(self.seconds, (25, 75))
        return (high - low) / 2 / self.median


def check(problem, peer, answer):
    """Return the errors of an answer, and what is wrong with them: nothing, if they are tolerable."""
    if answer is None:  # another model: there is nothing to compare
        return {}, ""
    errors = {name: float(error) for name, error in problem.errors(answer).items()}
    beyond = [
        f"{name} is off by {error:.1e}"
        for name, error in errors.items()
        if not error <= problem.tolerance[name] * peer.slack
    ]
    return errors, ", ".join(beyond)


def _nothing():
    pass


def preparation(call):
    """Return what makes a call ready, each time and before the clock starts: its `prepare`, if it has one."""
    return getattr(call, "prepare", _nothing)


class _Turn:
    """One peer on one problem: warmed up, checked, ready for the clock."""

    def __init__(self, problem, peer, threads):
        self.call, read = getattr(peer, problem.kind)(problem, threads)
        self._prepare = preparation(self.call)
        self.result = Result(peer.name)
        self._prepare()
        start = time.perf_counter()
        answer = self.call()
        once = time.perf_counter() - start
        self.result.errors, self.result.wrong = check(problem, peer, read(answer))
        del answer
        if once < _LONG:  # then its start, or its compilation, may have been most of it
            self._prepare()
            once = _clock(self.call)
        repeatable = self._prepare is _nothing
        self.repeats = int(np.ceil(TURN / max(once, 1e-6))) if once < TURN and repeatable else 1
        self.spent = 0.0

    def take(self):
        if self.spent > BUDGET:
            return
        self._prepare()
        time.sleep(SETTLE)
        if self.repeats > 1:
            self.call()
        start = time.perf_counter()
        for _ in range(self.repeats):
            self.call()
        elapsed = time.perf_counter() - start
        self.spent += elapsed
        self.result.seconds.append(elapsed / self.repeats)


def measure(problem, peers, threads, rounds=5):
    """Return a Result for each of the peers that solve the problem, in their order."""
    turns = []
    with threadpool_limits(threads):
        for peer in peers:
            if not peer.solves(problem):
                continue
            try:
                turns.append(_Turn(problem, peer, threads))
            except Unsuitable:
                continue
        for _ in range(rounds):
            for turn in turns:
                turn.take()
    return [turn.result for turn in turns]


@dataclass(frozen=True)
class Roofline:
    """What dense single precision products and copies reach on this machine, per second."""

    flops: float
    n_bytes: float

    def share(self, problem, seconds):
        """Return how much of the roofline a time stands for.

        For arithmetic this counts what dense products of the whole matrices would take, so it passes 1
        where tables, sparsity or the triangle save work; a peer that multiplies matrices cannot.
        """
        if problem.flops is not None:
            return problem.flops / seconds / self.flops
        return problem.n_bytes / seconds / self.n_bytes if problem.n_bytes is not None else None


def measure_roofline(threads, size=2048, rounds=15):
    """Measure a float32 product of square matrices, and a copy of what no cache holds."""
    rng = np.random.default_rng(0)
    A, B = rng.random((2, size, size), dtype=np.float32)
    C = np.empty_like(A)
    source = np.zeros(size * size * 16, dtype=np.float32)
    target = np.empty_like(source)
    parts = [slice(len(source) * k // threads, len(source) * (k + 1) // threads) for k in range(threads)]

    def copy(part):
        np.copyto(target[part], source[part])

    with threadpool_limits(threads), ThreadPoolExecutor(threads) as pool:
        product = min(_clock(lambda: np.matmul(A, B, out=C)) for _ in range(rounds))
        copied = min(_clock(lambda: list(pool.map(copy, parts))) for _ in range(rounds))
    return Roofline(2 * size**3 / product, 2 * source.nbytes / copied)


def _clock(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
