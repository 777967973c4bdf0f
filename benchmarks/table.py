"""Print the README's table of fits: ``python benchmarks/table.py`` (FASTMLE_DATA names the data sets).

All peers solve a problem in turn, five times over, so that a machine whose speed drifts is fair to all;
the medians are printed, and every answer is checked against the optimum.
"""

import statistics
import time

from peers import FIT_PEERS
from peers.sklearn_columns import fit_columns
from problems import data_problems, toy_problems

ROUNDS = 5


def measure(problem):
    """Return the median seconds of each peer."""
    exact = fit_columns(problem, problem.X, solver="newton-cholesky", tol=1e-12, max_iter=500)
    best = problem.objective(*exact)
    seconds = {peer: [] for peer in FIT_PEERS}
    for round_number in range(ROUNDS + 1):  # the first one warms up
        for peer in FIT_PEERS:
            table = peer.prepare(problem)
            start = time.perf_counter()
            fitted = peer.fit(problem, table, n_jobs=-1)
            elapsed = time.perf_counter() - start
            gap = (problem.objective(*fitted) / best - 1).max()
            if gap > 1e-6:
                raise AssertionError(f"{peer.NAME} on {problem.name} is {gap:.1e} above the optimum")
            if round_number > 0:
                seconds[peer].append(elapsed)
    return [statistics.median(seconds[peer]) for peer in FIT_PEERS]


def main():
    ours, *others = FIT_PEERS
    print(f"| problem | {ours.NAME} | " + " | ".join(peer.NAME for peer in others) + " |")
    print("|---" * (len(FIT_PEERS) + 1) + "|")
    for problem in data_problems() or toy_problems():
        first, *rest = measure(problem)
        cells = [f"{seconds:.2f} s ({seconds / first:.0f} x)" for seconds in rest]
        print(f"| {problem.name} | {first:.3f} s | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
