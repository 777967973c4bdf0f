"""The row-wise quasi-Newton method on problems whose answers are known."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from fastmle import kernels
from fastmle.solvers import Stage, minimize_rows


class Quadratics:
    """Row i is 1/2 (x - c)^T A (x - c) in i + 1 variables, with conditions from 1 to 1e4."""

    def __init__(self, rng, n_rows):
        self.lengths = np.arange(1, n_rows + 1)
        self.centres = np.tril(rng.normal(size=(n_rows, n_rows)))
        self.matrices = []
        for n in self.lengths:
            axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
            self.matrices.append(axes @ np.diag(np.geomspace(1, 1e4, n)) @ axes.T)
        self.evaluated = []

    def value_and_gradient(self, rows, x):
        self.evaluated.append(rows.copy())
        gradient = np.zeros_like(x)
        value = np.zeros(len(rows))
        for k, row in enumerate(rows):
            n = self.lengths[row]
            gradient[k, :n] = self.matrices[row] @ (x[k, :n] - self.centres[row, :n])
            value[k] = 0.5 * gradient[k, :n] @ (x[k, :n] - self.centres[row, :n])
        return value, gradient


def run(problem, metric_solve, **options):
    n_rows = len(problem.lengths)
    tol = options.pop("tol", 1e-8)
    options = {"rows": np.arange(n_rows), "max_iter": 2000} | options
    stages = options.pop("stages", (Stage(problem.value_and_gradient, tol, 1e-13),))
    return minimize_rows(stages, metric_solve, np.zeros((n_rows, n_rows)), problem.lengths, **options)


def scaled_identity(scale):
    def solve(rows, vectors):
        vectors *= scale

    return solve


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1.0, 1e8])
def test_any_scale_of_the_metric(rng, scale):
    problem = Quadratics(rng, 8)
    result = run(problem, scaled_identity(scale))
    assert result.converged.all()
    np.testing.assert_allclose(result.x, problem.centres, atol=1e-7)
    assert np.all(np.diff(result.curve) <= 1e-9)


def test_the_exact_metric_needs_one_step(rng):
    problem = Quadratics(rng, 8)

    def solve(rows, vectors):
        for k, row in enumerate(rows):
            n = problem.lengths[row]
            vectors[k, :n] = np.linalg.solve(problem.matrices[row], vectors[k, :n])

    result = run(problem, solve, tol=1e-7)
    assert result.n_iter == 1
    np.testing.assert_allclose(result.x, problem.centres, atol=1e-7)


def test_converged_rows_leave_and_others_are_left_alone(rng):
    problem = Quadratics(rng, 9)
    result = run(problem, scaled_identity(1.0), rows=np.array([0, 3, 8]))
    assert set(np.concatenate(problem.evaluated)) == {0, 3, 8}
    counts = np.bincount(np.concatenate(problem.evaluated), minlength=9)
    assert counts[0] < counts[3] < counts[8]  # one variable is solved before four, and four before nine
    assert not result.x[[1, 2, 4, 5, 6, 7]].any()
    np.testing.assert_allclose(result.x[8], problem.centres[8], atol=1e-7)


def test_stages_hand_over_and_the_last_decides(rng):
    problem = Quadratics(rng, 6)
    noise = np.random.default_rng(0)

    def coarse(rows, x):
        value, gradient = problem.value_and_gradient(rows, x)
        support = np.arange(6) < problem.lengths[rows][:, None]
        return value, gradient + 1e-4 * noise.normal(size=gradient.shape) * support

    stages = (Stage(coarse, 1e-2, 1e-3), Stage(problem.value_and_gradient, 1e-9, 1e-13))
    result = run(problem, scaled_identity(1e-3), stages=stages)
    assert result.converged.all()
    assert result.gradient_norm.max() <= 1e-9
    np.testing.assert_allclose(result.x, problem.centres, atol=1e-8)


@pytest.mark.parametrize("max_iter", [1, 2, 7])
def test_max_iter_counts_all_stages(rng, max_iter):
    problem = Quadratics(rng, 6)
    stage = Stage(problem.value_and_gradient, 1e-12, 1e-13)
    seen = []
    result = run(
        problem,
        scaled_identity(1e-4),
        stages=(stage, stage),
        max_iter=max_iter,
        callback=lambda x, value, norm, n_iter: seen.append(n_iter),
    )
    assert result.n_iter == max_iter
    assert seen == list(range(1, max_iter + 1))
    assert len(result.curve) == max_iter + 1
    assert not result.converged.all()


def test_callback_stops(rng):
    problem = Quadratics(rng, 6)
    result = run(problem, scaled_identity(1e-4), callback=lambda x, value, norm, n_iter: n_iter == 3)
    assert result.n_iter == 3


def test_noise_ends_in_rest_not_in_a_loop(rng):
    # Gradients too noisy for the tolerance: the search gives up, and says that it did not converge.
    problem = Quadratics(rng, 4)
    noise = np.random.default_rng(0)

    def noisy(rows, x):
        value, gradient = problem.value_and_gradient(rows, x)
        return value, gradient * (1 + 0.1 * noise.normal(size=gradient.shape)) + 0.1 * np.sign(gradient)

    result = run(problem, scaled_identity(1e-4), stages=(Stage(noisy, 1e-10, 1e-3),))
    assert not result.converged.all()
    assert np.isfinite(result.x).all()


def test_logistic_rows_against_scipy(rng):
    X = np.column_stack([np.ones(200), rng.random((200, 3)) < 0.4])
    y = (rng.random((200, 4)) < expit(X @ rng.normal(size=(4, 4)))).astype(float)
    lengths = np.arange(1, 5)
    support = np.arange(4) < lengths[:, None]

    def value_and_gradient(rows, x):
        z = X @ x.T
        value = -(log_expit(np.where(y[:, rows] == 1, z, -z))).sum(axis=0) + 0.5 * (x**2).sum(axis=1)
        return value, ((expit(z) - y[:, rows]).T @ X + x) * support[rows]

    result = minimize_rows(
        (Stage(value_and_gradient, 1e-9, 1e-13),),
        scaled_identity(1 / 50),
        np.zeros((4, 4)),
        lengths,
        np.arange(4),
        max_iter=500,
    )
    assert result.converged.all()
    for row in range(4):

        def one(w, row=row):
            value, gradient = value_and_gradient(np.array([row]), np.pad(w, (0, 3 - row))[None])
            return value[0], gradient[0, : row + 1]

        best = minimize(one, np.zeros(row + 1), jac=True, method="BFGS", options={"gtol": 1e-9})
        np.testing.assert_allclose(result.x[row, : row + 1], best.x, atol=1e-7)


class Search:
    """One row at x = 0 in one variable, whose direction is +1 and whose first slope is -1."""

    def __init__(self, n_pairs=0, memory=2):
        self.memory = memory
        self.x, self.gradient, self.solved = np.zeros((1, 1)), np.full((1, 1), -1.0), np.full((1, 1), -1.0)
        self.direction, self.value, self.norm = np.ones((1, 1)), np.zeros(1), np.ones(1)
        self.search = np.array([[1.0, -1.0, 0.0, -1.0, np.inf, 0.0]])
        self.pairs, self.curvatures = np.ones(3 * memory), np.ones((1, memory))
        self.counts, self.scale, self.excess = np.full(1, n_pairs), np.ones(1), np.zeros(1)
        self.trial = np.ones((1, 1))

    def advance(
        self,
        slope,
        value,
        value_error=1e-13,
        target=1e-3,
        gap=np.inf,
        least_value=0.0,
        max_trials=30,
        solved=None,
        opening=False,
    ):
        """Take in a trial with this slope and value; return whether the row goes on."""
        return kernels.advance_rows(
            np.zeros(1, dtype=np.int64),
            *(np.ones(1, dtype=np.int64), np.zeros(1, dtype=np.int64)),
            *(self.x, self.value, self.gradient, self.norm, self.solved, self.direction, self.search),
            *(self.pairs, self.curvatures, self.counts, self.scale, self.excess, np.empty(self.memory + 1)),
            self.trial,
            *(np.array([value]), np.array([[slope]]), np.array([[slope if solved is None else solved]])),
            *(value_error, target, gap, least_value, max_trials, opening),
        )

    @property
    def moved(self):
        return self.x[0, 0] != 0


@pytest.mark.parametrize(
    ("slope", "value", "moved"),
    [
        (-0.5, -1.0, True),
        (-0.95, -1.0, False),  # too short: the slope has hardly changed
        (0.95, -1.0, False),  # too long by slope
        (0.5, -1.0, True),
        (0.5, 1e-5, False),  # too long by value
        (0.5, np.inf, False),
        (-0.5, np.inf, True),  # a slope downhill cannot lie beyond the lowest point
        (np.nan, -1.0, False),
    ],
)
def test_a_step_is_judged_by_slope_and_value(slope, value, moved):
    row = Search()
    assert row.advance(slope, value) == 1
    assert row.moved == moved
    assert row.counts[0] == moved
    assert row.value[0] == (value if moved else 0.0)
    assert row.gradient[0, 0] == (slope if moved else -1.0)


def test_values_are_compared_to_their_error():
    row = Search()
    row.value[:] = 100.0
    row.advance(0.5, 100.5, value_error=1e-3)
    assert not row.moved
    row.advance(0.5, 100.5, value_error=1e-2)
    assert row.moved


def test_brackets_grow_by_four_and_shrink_by_the_secant():
    row = Search()
    row.advance(-0.95, -1.0)
    row.advance(-0.92, -4.0)
    assert row.trial[0, 0] == 16.0  # open ended
    row.advance(2.0, 30.0)
    share = 0.92 / (0.92 + 2.0)
    np.testing.assert_allclose(row.trial[0, 0], 4 + share * 12)
    row.advance(100.0, 30.0)
    np.testing.assert_allclose(row.trial[0, 0], 4 + 0.1 * share * 12)  # kept off the lower end
    row.advance(-0.91, 0.0)
    np.testing.assert_allclose(row.trial[0, 0], 4 + 0.55 * share * 12)  # the middle: one slope is old
    assert row.search[0, 5] == 5
    row.advance(np.nan, np.nan)
    np.testing.assert_allclose(row.trial[0, 0], 4 + 0.325 * share * 12)
    assert not row.moved


def test_a_row_within_the_target_leaves():
    row = Search()
    assert row.advance(1e-3, -1.0) == 0
    assert row.moved
    assert row.norm[0] == 1e-3


@pytest.mark.parametrize(
    ("value", "least_value", "left"), [(-1.0, 0.0, 1), (-3.0, 0.0, 0), (-1.0, 3.0, 0), (-1.0, 1.5, 1)]
)
def test_a_row_stays_while_it_expects_to_gain(value, least_value, left):
    # The slope has changed from -1 to 1/2 over a step of 1: 1/3 to the lowest point, 1/12 downwards.
    row = Search()
    assert row.advance(0.5, value, target=1.0, gap=0.05, least_value=least_value) == left
    assert row.moved
    np.testing.assert_allclose(row.excess[0], 1 / 12)


def test_a_search_may_be_cut_short():
    row = Search(n_pairs=1)
    assert row.advance(3.0, 1.0, max_trials=2) == 1
    assert row.advance(3.0, 1.0, max_trials=2) == 1
    assert row.counts[0] == 0
    assert row.advance(3.0, 1.0, max_trials=1) == 0


def test_a_failed_search_drops_the_memory_and_the_next_one_rests():
    row = Search(n_pairs=1)
    row.search[0, 5] = 29  # trials
    row.scale[:] = 0.5
    assert row.advance(3.0, 1.0) == 1
    assert row.counts[0] == 0
    np.testing.assert_array_equal(row.search, [[1.0, -0.5, 0.0, -0.5, np.inf, 0.0]])
    assert row.trial[0, 0] == row.direction[0, 0] == 0.5  # the scaled metric alone
    row.search[0, 5] = 29
    assert row.advance(3.0, 1.0) == 0
    assert not row.moved


def test_a_direction_uphill_starts_again_without_memory():
    row = Search(n_pairs=2)
    row.pairs[:] = [1.0, 3.0, 3.0, 1.0, 3.0, 3.0]  # pairs that contradict their curvature, 1
    row.direction[:] = row.x[:] = 0.0
    assert row.advance(-1.0, 0.0, opening=True) == 1
    assert row.counts[0] == 2
    row.pairs[:] = [1.0, -3.0, 3.0, 1.0, 3.0, -3.0]
    assert row.advance(-1.0, 0.0, opening=True) == 1
    assert row.counts[0] == 0
    assert row.direction[0, 0] == 1.0


def test_steps_and_their_changes_are_kept_where_they_curve_upwards():
    row = Search(n_pairs=3)  # gone round: the next one goes to place 1
    row.advance(-0.5, -1.0, solved=-0.75)
    np.testing.assert_array_equal(row.pairs, [1, 1, 1, 1, 0.5, 0.25])
    assert row.counts[0] == 4
    assert row.curvatures[0, 1] == 0.5
    assert row.scale[0] == 4.0  # the metric made half a change of a quarter, and the step is 1
    row = Search(n_pairs=1)
    row.direction[:] = -1.0  # the change is then downhill along the step of +1
    row.gradient[:] = 0.6
    row.search[0, [1, 3]] = -0.6
    row.advance(0.5, -1.0)
    assert row.moved
    assert row.counts[0] == 1
    np.testing.assert_array_equal(row.pairs, 1.0)
    assert row.scale[0] == 1.0


def test_evaluations_may_reuse_their_arrays(rng):
    problem = Quadratics(rng, 8)
    value, gradient = np.empty(8), np.empty((8, 8))

    def value_and_gradient(rows, x):
        k = len(rows)
        value[:], gradient[:] = np.nan, np.nan
        value[:k], gradient[:k] = problem.value_and_gradient(rows, x)
        return value[:k], gradient[:k]

    result = run(problem, scaled_identity(1e-3), stages=(Stage(value_and_gradient, 1e-8, 1e-13),))
    expected = run(problem, scaled_identity(1e-3))
    np.testing.assert_array_equal(result.x, expected.x)
    assert result.n_iter == expected.n_iter


def test_slow_rows_are_given_a_better_metric(rng):
    problem = Quadratics(rng, 30)
    better, asked = set(), []

    def solve(rows, vectors):
        for k, row in enumerate(rows):
            n = problem.lengths[row]
            if row in better:
                vectors[k, :n] = np.linalg.solve(problem.matrices[row], vectors[k, :n])
            else:
                vectors[k] *= 1e-3

    def refine(rows, x, n_left):
        asked.append((rows.copy(), x.copy(), n_left.copy()))
        better.update(rows[rows % 2 == 0].tolist())
        return rows % 2 == 0

    run(problem, solve, tol=1e-7)
    without = np.bincount(np.concatenate(problem.evaluated), minlength=30)
    problem.evaluated.clear()
    result = run(problem, solve, tol=1e-7, refine=refine)
    assert result.converged.all()
    np.testing.assert_allclose(result.x, problem.centres, atol=1e-6)
    counts = np.bincount(np.concatenate(problem.evaluated), minlength=30)
    rows, x, n_left = asked[0]
    even = rows[rows % 2 == 0]
    assert len(even) > 5
    assert counts[even].max() <= 12  # nine before, then one exact step
    np.testing.assert_array_equal(counts[1::2], without[1::2])
    assert np.all(n_left > 0)
    assert n_left.max() <= 18  # not more than twice the evaluations so far are trusted
    assert not np.triu(x[:, 1:], rows[0]).any()
    times = np.bincount(np.concatenate([rows for rows, _, _ in asked]), minlength=30)
    assert times[even].max() == 1


def test_a_metric_is_improved_a_few_times_only(rng):
    problem = Quadratics(rng, 20)
    times = np.zeros(20, dtype=int)

    def refine(rows, x, n_left):
        times[rows] += 1
        return np.ones(len(rows), dtype=bool)

    result = run(problem, scaled_identity(1e-3), refine=refine)
    assert result.converged.all()
    assert times.max() == 3


def test_nothing_to_solve():
    def never(rows, x):
        raise AssertionError("no row asks for this")

    start = np.ones((3, 3))
    nothing = np.zeros(0, dtype=np.int64)
    stages = (Stage(never, 1e-9, 1e-13),)
    result = minimize_rows(stages, never, start, np.arange(1, 4), nothing, max_iter=9)
    assert result.converged.all()
    assert result.n_iter == 0
    assert result.x.all()
