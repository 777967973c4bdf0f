"""Random numbers, instruction-set levels and small data for all tests.

Every test draws from a generator of its own, keyed by one seed and the test's name, so that a failure
comes back when the test is run alone. The seed is printed in the header of the report; set
FASTMLE_TEST_SEED to another number, or to "random", to try others.
"""

import os
import zlib

import numpy as np
import pytest

from fastmle import kernels

# Subprocesses of the tests take the installed package, whatever folder the tests are run from.
os.environ["PYTHONSAFEPATH"] = "1"

DEFAULT_SEED = 20240521


def _seed():
    wanted = os.environ.get("FASTMLE_TEST_SEED", str(DEFAULT_SEED))
    return int.from_bytes(os.urandom(4)) if wanted == "random" else int(wanted)


SEED = _seed()


def pytest_report_header():
    return (
        f"fastmle: FASTMLE_TEST_SEED={SEED}, instruction-set levels: {', '.join(kernels.available_levels())}"
    )


@pytest.fixture
def rng(request):
    """A random generator that depends on the seed and on the test, not on the tests before it."""
    return np.random.default_rng([SEED, zlib.crc32(request.node.nodeid.encode())])


@pytest.fixture(params=kernels.available_levels())
def level(request):
    """Run the test at every instruction-set level of this machine; the library's choice comes back.

    Take it with ``pytest.mark.usefixtures("level")``.
    """
    kernels.choose_level(request.param)
    yield request.param
    kernels.choose_level(kernels.LEVEL)


@pytest.fixture
def random_bits(rng):
    """A function that draws a table: ``random_bits(n_rows, n_columns, density=0.5)``, uint8."""

    def draw(n_rows, n_columns, density=0.5):
        return (rng.random((n_rows, n_columns)) < density).astype(np.uint8)

    return draw


@pytest.fixture
def random_fvsbn(rng):
    """A function that draws parameters: ``random_fvsbn(n_columns, scale=1.0)`` -> (coef, intercept).

    ``coef`` is strictly lower triangular. The weights shrink with the number of predecessors, so that
    logits stay of the size of `scale` and no column is as good as certain.
    """

    def draw(n_columns, scale=1.0):
        coef = np.tril(rng.normal(size=(n_columns, n_columns)), k=-1) * scale
        coef /= np.sqrt(np.maximum(np.arange(n_columns), 1))[:, None]
        return coef, rng.normal(size=n_columns) * scale

    return draw


@pytest.fixture
def weights(rng):
    """A function that draws row weights, some of them zero: ``weights(n_rows)``."""

    def draw(n_rows):
        weight = rng.exponential(size=n_rows)
        weight[rng.random(n_rows) < 0.2] = 0.0
        weight[rng.integers(n_rows)] = 1.5  # not all zero, however few the rows
        return weight

    return draw
