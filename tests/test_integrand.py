"""The user's function: what may be in it, when it is compiled again, and what errors say."""

import functools
import math
import traceback
import types
from math import exp

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from fastmle import IntegrandError, expectation
from fastmle.montecarlo import integrand as module

FACTOR = 1.0
TABLE = np.array([1.0, 2.0, 3.0])
N = 1000


def of(g, P=None, **options):
    return expectation(g, stats.norm() if P is None else P, n_samples=N, rng=1, **options)


@pytest.fixture(scope="module")
def draws():
    """The samples that `of` draws."""
    seen = []
    of(lambda x: seen.append(x) or x, vectorized=True)
    return seen[0]


@pytest.fixture
def compilations(monkeypatch):
    """A list that grows with every compilation."""
    from fastmle.montecarlo import _compiler

    calls = []
    compile_loops = _compiler.compile_loops

    def counted(*arguments):
        calls.append(arguments)
        return compile_loops(*arguments)

    monkeypatch.setattr(_compiler, "compile_loops", counted)
    return calls


def helper(x):
    return FACTOR * x


def twice(x):
    return helper(x) + helper(x)


def factorial(n):
    return 1.0 if n < 2 else n * factorial(n - 1)


@pytest.mark.parametrize(
    ("g", "of_draws"),
    [
        (lambda x: math.exp(-x * x), lambda x: np.exp(-x * x)),
        (lambda x: np.sin(x) + np.log(np.abs(x)), lambda x: np.sin(x) + np.log(np.abs(x))),
        (lambda x: exp(x), np.exp),
        (math.exp, np.exp),
        (np.tanh, np.tanh),
        (numba.njit(lambda x: x + 1), lambda x: x + 1),
        (lambda x: x > 0, lambda x: x > 0),
        (lambda x: int(x), lambda x: np.trunc(x)),
        (lambda x: math.floor(x) if x > 0.5 else math.pi, lambda x: np.where(x > 0.5, np.floor(x), math.pi)),
        (twice, lambda x: 2 * x),
        (lambda x: factorial(4) * x, lambda x: 24 * x),
        (lambda x: TABLE[1] * x, lambda x: 2 * x),
        (lambda x, a=3.0: a * x, lambda x: 3 * x),
        (functools.partial(lambda a, x: a * x, 2.0), lambda x: 2 * x),
        (functools.partial(lambda x, a, b=1.0: a * x + b, a=2.0), lambda x: 2 * x + 1),
    ],
)
def test_what_may_be_in_a_function(g, of_draws, draws):
    result = of(g)
    assert_allclose(result.mean, np.mean(of_draws(draws)), rtol=1e-11, atol=1e-13)


def test_rows_may_be_used_as_arrays():
    P = stats.norm([0.0, 1.0, 2.0], 1.0)
    seen = []
    of(lambda x: seen.append(x) or x[:, 0], P, vectorized=True)
    for g in (
        lambda x: np.sum(np.exp(-x * x)),
        lambda x: np.exp(-x @ x),
        lambda x: np.linalg.norm(x),
        lambda x: x.mean() * len(x),
        lambda x: sum([v for v in x if v > 0]),
        lambda x: np.dot(x, np.array([1.0, 2.0, 3.0])),
    ):
        rows = [float(g(row)) for row in seen[0]]
        assert_allclose(of(g, P).mean, np.mean(rows), rtol=1e-11)


def test_a_function_is_compiled_once(compilations):
    def g(x):
        return 17.0 * x

    for _ in range(3):
        of(g)
    of(g, stats.uniform())
    assert len(compilations) == 1
    of(g, stats.poisson(3))  # integers
    assert len(compilations) == 2


def make(a):
    return lambda x: a * x + 0.25


def test_closures_have_compilations_of_their_own(compilations, draws):
    assert_allclose(of(make(2.0)).mean, 2 * draws.mean() + 0.25)
    assert_allclose(of(make(3.0)).mean, 3 * draws.mean() + 0.25)
    assert_allclose(of(make(2.0)).mean, 2 * draws.mean() + 0.25)
    assert len(compilations) == 2


def test_changed_globals_are_seen(monkeypatch, draws):
    import sys

    here = sys.modules[__name__]
    assert_allclose(of(lambda x: twice(x)).mean, 2 * draws.mean())
    before = of(twice).mean
    monkeypatch.setattr(here, "FACTOR", 5.0)
    assert_allclose(of(twice).mean, 5 * before)
    before = of(lambda x: TABLE[0] * x).mean
    first = _times_table(1)
    monkeypatch.setitem(globals(), "TABLE", 10 * TABLE)
    assert_allclose(_times_table(1), 10 * first)
    TABLE[0] *= 3  # in place
    assert_allclose(_times_table(1), 30 * first)
    assert_allclose(first, before)


def _times_table(_):
    return of(from_table).mean


def from_table(x):
    return TABLE[0] * x


def test_attributes_of_modules_are_seen(monkeypatch, draws):
    settings = types.ModuleType("settings")
    settings.scale = 2.0

    def g(x):
        return settings.scale * x

    assert_allclose(of(g).mean, 2 * draws.mean())
    settings.scale = 4.0
    assert_allclose(of(g).mean, 4 * draws.mean())


SETTINGS = types.ModuleType("settings")
SETTINGS.a = SETTINGS.b = 1.0


def scaled(x):
    return SETTINGS.b * x


def test_attributes_that_only_a_helper_reads(draws, monkeypatch):
    def g(x):
        return SETTINGS.a + scaled(x)

    assert_allclose(of(g).mean, 1 + draws.mean())
    monkeypatch.setattr(SETTINGS, "b", 100.0)
    assert_allclose(of(g).mean, 1 + 100 * draws.mean())


def test_integers_are_numbers_as_in_python():
    rows = np.array([1, 2, 5])
    for g in (lambda x: 2**-x, lambda x: x**-1, lambda x: x**30, lambda x: 7 % x, lambda x: 7 // x):
        assert_allclose(expectation(g, rows).mean, np.mean([float(g(int(x))) for x in rows]), rtol=1e-12)
        assert_allclose(
            expectation(g, stats.rv_discrete(values=(rows, [0, 0, 1])), n_samples=10, rng=0).mean, float(g(5))
        )
    bytes_ = np.full((10, 2), 100, dtype=np.int8)
    assert expectation(lambda x: (x * x).sum(), bytes_).mean == 20_000
    assert expectation(lambda x: (x * x).sum(axis=1), bytes_, vectorized=True).mean == 20_000
    assert expectation(lambda x: x @ np.ones(2), bytes_).mean == 200
    huge = np.full(3, 2**63 + 5, dtype=np.uint64)
    assert expectation(lambda x: x, huge).mean == 2.0**63
    with pytest.raises(ValueError, match="returned inf at sample 0"):
        expectation(lambda x: 1 / x, np.array([0, 1]))


def test_integers_may_be_indices():
    payoff = np.array([1.0, 10.0, 100.0])
    result = expectation(lambda x: payoff[x], np.array([0, 1, 1, 2]))
    assert result.mean == 121 / 4
    drawn = expectation(
        lambda x: payoff[x], stats.rv_discrete(values=([0, 1, 2], [0.0, 0.0, 1.0])), n_samples=9, rng=0
    )
    assert drawn.mean == 100
    bits = np.array([[True, False], [True, True]])
    assert expectation(lambda x: x[0] & ~x[1], bits).mean == 0.5


def test_functions_may_write_to_their_rows():
    def spoil(x):
        x[0] += 1
        return x

    rows = np.zeros((2, 2))
    assert expectation(spoil, rows).mean.tolist() == [1.0, 0.0]
    assert not rows.any()
    with pytest.raises(ValueError, match="read-only"):
        expectation(spoil, rows, vectorized=True)


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_MOST_KEPT", 3)
    for a in range(5):
        of(make(100.0 + a))
    assert len(module._compiled) <= 3


def test_a_whole_block(draws):
    assert_allclose(of(np.square, vectorized=True).mean, np.mean(draws**2))
    result = of(lambda x: np.stack([x, x * x], axis=1), vectorized=True)
    assert_allclose(result.mean, [draws.mean(), np.mean(draws**2)])
    assert of(lambda x: x > 0, vectorized=True).mean == np.mean(draws > 0)


# Errors


def test_what_numba_cannot_compile():
    def g(x):
        return {"a": [x, "b"]}[str(x)[:1]]

    with pytest.raises(IntegrandError) as caught:
        of(g)
    message = str(caught.value)
    assert "test_integrand.py" in message
    assert "vectorized=True" in message
    assert 'return {"a"' in message


@pytest.mark.parametrize(
    ("g", "message"),
    [
        (lambda x: None, "returns nothing"),
        (lambda x: 1j * x, "complex"),
        (lambda x: "a", "returns"),
        (lambda x: np.zeros((2, 2)) * x, "returns"),
        (lambda x: undefined_name * x, "undefined_name"),  # noqa: F821
    ],
)
def test_what_is_no_integrand(g, message):
    with pytest.raises(IntegrandError, match=message):
        of(g)


def test_no_function():
    with pytest.raises(TypeError, match="must be a function"):
        of(3.0)
    with pytest.raises(IntegrandError):
        of(type("Callable", (), {"__call__": lambda self, x: x})())


def refuse(x):
    if x > 1:
        raise ValueError(f"this is too large: {x > 1}")
    return x


@numba.njit
def refuse_compiled(x):
    if x > 1:
        raise ValueError("this is too large")
    return x


@pytest.mark.parametrize("g", [refuse, refuse_compiled, lambda x: refuse(x)])
@pytest.mark.parametrize("P", [stats.norm(), stats.gamma(2.0)], ids=["filled", "drawn"])
def test_errors_in_the_function_are_pythons_own(g, P):
    with pytest.raises(ValueError, match="this is too large") as caught:
        of(g, P)
    assert any(
        "x > 1" in (frame.line or "") or "too large" in (frame.line or "")
        for frame in traceback.extract_tb(caught.tb)
    )


@pytest.mark.parametrize("g", [lambda x: x[5], lambda x: TABLE[int(3 + abs(x[0]))], lambda x: x[-3]])
def test_an_index_beyond_the_end(g):
    with pytest.raises(IndexError):
        of(g, stats.norm([0.0, 1.0], 1.0))


def test_vectors_of_changing_length():
    with pytest.raises(ValueError, match="one length"):
        of(lambda x: np.ones(2 if x > 0 else 3))


@pytest.mark.parametrize(
    ("g", "message"),
    [
        (lambda x: x[:-1], "shape"),
        (lambda x: 1.0, "shape"),
        (lambda x: np.zeros((len(x), 2, 2)), "shape"),
        (lambda x: np.zeros((len(x), 0)), "without entries"),
        (lambda x: np.array(["a"] * len(x)), "real numbers"),
    ],
)
def test_blocks_of_the_wrong_shape(g, message):
    with pytest.raises(ValueError, match=message):
        of(g, vectorized=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("vectorized", [False, True])
def test_values_that_are_not_finite_are_reported(bad, vectorized):
    P = stats.norm()
    threshold = 3.0
    seen = []
    expectation(lambda x: seen.append(x) or x, P, n_samples=20_000, rng=1, vectorized=True)
    draws = seen[0]
    first = int(np.argmax(draws > threshold))

    def row(x):
        return bad if x > threshold else x

    def block(x):
        return np.where(x > threshold, bad, x)

    with pytest.raises(
        ValueError, match=rf"g returned {bad} at sample {first}, x = {draws[first].item()!r};"
    ):
        expectation(block if vectorized else row, P, n_samples=20_000, rng=1, vectorized=vectorized)


def test_a_division_by_zero_is_reported_with_its_row():
    rows = np.array([[1.0, 2.0], [3.0, 0.0]])
    with pytest.raises(ValueError, match=r"g returned inf at sample 1, x = \[3\., 0\.\]"):
        expectation(lambda x: x[0] / x[1], rows)
    with pytest.raises(ValueError, match=r"g \(component 1\) returned inf at sample 1"):
        expectation(lambda x: (x[1], x[0] / x[1]), rows)
