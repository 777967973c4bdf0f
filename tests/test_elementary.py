"""Elementary functions of compiled integrands: last places, ends of the range, types, packed instructions."""

import math
import platform
import re
import types

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_array_equal

from fastmle.montecarlo.elementary import substitute

FUNCTIONS = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p")
FUNCTIONS += ("sin", "cos", "tan", "sinh", "cosh", "tanh")
LARGE = 50000.0  # where the C library reduces the arguments of sin, cos and tan

_loops = {}


def with_stand_ins(function, **names):
    """Return a function whose globals are these, substituted."""
    names = {name: substitute(value) for name, value in names.items()}
    return types.FunctionType(function.__code__, names, closure=function.__closure__)


def compiled_loop(function):
    function = njit(error_model="numpy", nogil=True, forceinline=True)(function)

    @njit(error_model="numpy", nogil=True)
    def loop(x, out):
        for t in range(x.shape[0]):
            out[t] = function(x[t])

    return loop


def loop_of(name):
    """Return the compiled loop over a function of NumPy, one for all tests."""
    if name not in _loops:
        _loops[name] = compiled_loop(
            with_stand_ins(eval(f"lambda x: np.{name}(x)"), np=np)  # NumPy has all of them, math all but one
        )
    return _loops[name]


def values(name, x):
    out = np.empty(len(x))
    loop_of(name)(x, out)
    return out


def signed(rng, x):
    return x * rng.choice([-1.0, 1.0], x.shape)


def arguments(name, rng):
    """Return many arguments over the whole domain, and many where errors are largest."""
    n = 20000
    tiny_to_huge = np.exp2(rng.uniform(-1074, 1023.9, n))
    parts = {
        "exp": [
            rng.uniform(-746, 710, n),
            rng.uniform(-746, -707, n),
            signed(rng, np.exp2(rng.uniform(-60, 2, n))),
        ],
        "exp2": [rng.uniform(-1076, 1025, n), rng.uniform(-1076, -1020, n), rng.uniform(-2, 2, n)],
        "log": [tiny_to_huge, 1 + signed(rng, np.exp2(rng.uniform(-52, -1, n))), rng.uniform(0.5, 2, n)],
        "log1p": [tiny_to_huge, -np.exp2(rng.uniform(-1074, 0, n)), rng.uniform(-1, 3, n)],
        "sin": [
            rng.uniform(-10, 10, n),
            rng.uniform(-LARGE, LARGE, n),
            np.round(rng.uniform(-30000, 30000, n)) * (np.pi / 2),  # the nearest to a multiple of pi/2
            signed(rng, tiny_to_huge),
        ],
        "sinh": [
            rng.uniform(-711, 711, n),
            rng.uniform(-1, 1, n),
            signed(rng, np.exp2(rng.uniform(-1074, 5, n))),
        ],
    }
    same = {"expm1": "sinh", "cosh": "sinh", "tanh": "sinh", "log2": "log", "log10": "log"}
    same |= {"cos": "sin", "tan": "sin"}
    return np.concatenate(parts[same.get(name, name)])


# Values


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs more precise numbers for comparison")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_within_two_units_in_the_last_place(name, rng):
    x = arguments(name, rng)
    with np.errstate(all="ignore"):
        wide = getattr(np, name)(x.astype(np.longdouble))
        exact = wide.astype(np.float64)
    actual = values(name, x)
    finite = np.isfinite(exact)
    assert_array_equal(actual[~finite], exact[~finite])
    unit = np.spacing(np.abs(exact[finite]))
    assert np.max(np.abs(actual[finite] - wide[finite]) / unit) < 2.0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_limits_and_signs_of_zero_are_those_of_the_c_library(name):
    x = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308, -1.5])
    x = np.append(
        x, [-745.2, -745.1, 709.78, 709.79, 710.47, 710.48, 1023.99, 1024.0, -1074.0, -1075.1, 1000.0]
    )
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    actual = values(name, x)
    special = ~np.isfinite(expected) | (expected == 0) | (np.abs(expected) == 1) | (np.abs(x) < 1e-300)
    assert_array_equal(actual[special], expected[special])
    number = ~np.isnan(expected)
    assert_array_equal(np.signbit(actual[number]), np.signbit(expected[number]))
    assert np.isfinite(actual[~special]).all()


def test_powers_of_two_are_exact():
    k = np.arange(-1074.0, 1024.0)
    assert_array_equal(values("exp2", k), np.exp2(k))
    assert_array_equal(values("log2", np.exp2(k)), k)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_angles_are_left_to_the_c_library(name, rng):
    x = signed(rng, np.exp2(rng.uniform(15, 1023, 4001)))
    large = np.abs(x) > LARGE
    library = np.array([getattr(math, name)(angle) for angle in x])
    actual = values(name, x)
    assert_array_equal(actual[large], library[large])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_value_does_not_depend_on_its_neighbours(name, rng):
    x = rng.choice(arguments(name, rng), 203)
    alone = np.array([values(name, x[t : t + 1])[0] for t in range(len(x))])
    assert_array_equal(values(name, x), alone)


# Types


def test_integers_and_booleans_become_double_precision():
    run = njit(
        with_stand_ins(lambda x: (np.exp(x), math.exp(x), math.log(2), np.sin(True)), np=np, math=math)
    )
    for x in (2, np.int8(2), np.uint64(2), True):
        expected = [np.exp(float(x)), math.exp(x), math.log(2), math.sin(1)]
        np.testing.assert_allclose(run(x), expected, rtol=4e-16)


def test_single_precision_stays_so():
    run = njit(with_stand_ins(lambda x: np.array([np.exp(x[0]), np.float32(1)]), np=np))
    result = run(np.array([0.3], dtype=np.float32))
    assert result.dtype == np.float32
    assert result[0] == np.float32(math.exp(np.float32(0.3)))


def test_arrays_and_complex_numbers_are_as_in_numpy(rng):
    run = njit(with_stand_ins(lambda x: np.exp(x), np=np))
    for x in (rng.normal(size=9), rng.normal(size=(4, 3)), np.arange(4), rng.normal(size=12)[::3], 0.5j):
        np.testing.assert_allclose(run(x), np.exp(x), rtol=4e-16)
        assert np.asarray(run(x)).dtype == np.asarray(np.exp(x)).dtype


def test_further_arguments_reach_numba():
    run = njit(with_stand_ins(lambda x, out: np.exp(x, out), np=np))
    out = np.empty(3)
    run(np.zeros(3), out)
    assert_array_equal(out, np.ones(3))


def test_where_chooses_between_numbers_and_between_elements():
    run = njit(with_stand_ins(lambda x: np.where(x > 0, x, 0), np=np))
    assert run(2.5) == 2.5
    assert run(-2.5) == 0.0
    assert run(math.nan) == 0.0
    assert_array_equal(run(np.array([-1.0, 1.0])), [0.0, 1.0])


# Stand-ins


@pytest.mark.parametrize("module", [math, np])
def test_a_stand_in_has_everything_else_of_its_module(module):
    stand_in = substitute(module)
    assert isinstance(stand_in, types.ModuleType)
    replaced = {*FUNCTIONS, "where"}
    for name in ("pi", "inf", "sqrt", "linalg", "random", "float64", "floor", "array"):
        if hasattr(module, name):
            assert getattr(stand_in, name) is getattr(module, name)
    for name in replaced & set(dir(module)):
        assert getattr(stand_in, name) is substitute(getattr(module, name))
        assert getattr(stand_in, name) is not getattr(module, name)
    assert dir(stand_in) == dir(module)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = stand_in.nothing


def test_a_stand_in_called_from_python_is_the_original():
    assert substitute(math.exp)(1.0) == math.exp(1.0)
    assert_array_equal(substitute(np).log(np.ones(2)), np.zeros(2))


def test_other_values_are_left_alone():
    for value in (2.0, "exp", types, math.sqrt, np.linalg, np.float64, np.random.default_rng, None):
        assert substitute(value) is value


def test_everything_else_of_the_modules_compiles():
    scale = math.pi

    def function(x):
        row = np.array([exp(x[0]), m.sin(x[1]), m.pi, np.float64(scale), np.e])  # noqa: F821
        total = np.linalg.norm(row) + np.dot(x, x) + np.sum(np.exp(x)) + m.sqrt(np.abs(x[0]))  # noqa: F821
        return total + np.minimum(np.random.random(), 0.0) if total < np.inf else 0.0  # noqa: NPY002

    names = {"m": math, "exp": math.exp, "np": np}
    plain = types.FunctionType(function.__code__, names, closure=function.__closure__)
    x = np.array([0.3, -1.2])
    assert njit(with_stand_ins(function, **names))(x) == pytest.approx(plain(x), rel=1e-14)


# Instructions


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="looks for instructions of x86")
def test_loops_hold_packed_instructions():
    def function(x):
        return math.exp(-x * x) * math.log(x) + (math.tanh(x) if x > 1.0 else math.log1p(x)) + math.sin(x)

    loop = compiled_loop(with_stand_ins(function, math=math))
    loop(np.ones(5), np.empty(5))
    (assembly,) = loop.inspect_asm().values()
    for instruction in ("mulpd", "addpd", "divpd", "psllq"):
        assert re.search(rf"\bv?{instruction}\b", assembly)
    assert not re.search(r"\$(exp|log|tanh|log1p)\b", assembly)
    assert re.search(r"\$fastmle_sin_[248]\b", assembly)
