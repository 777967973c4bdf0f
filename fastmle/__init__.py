"""fastmle: exact-likelihood densities for tables of zeros and ones, on the CPU."""

from ._version import __version__
from .config import show_config
from .data import BitMatrix
from .estimators import FVSBN, NADE, BernoulliMLE, load
from .exceptions import (
    ConvergenceWarning,
    DivergenceError,
    HeavyTailWarning,
    IntegrandError,
    ModelFileError,
    NotFittedError,
    SeparationWarning,
)
from .information import (
    IndependenceTest,
    code_length,
    compare,
    cross_entropy,
    decompose,
    entropy,
    expected_code_length,
    f_divergence,
    hellinger,
    independence_test,
    jeffreys_divergence,
    js_divergence,
    kl_divergence,
    mutual_information,
    pairwise_kl,
    renyi_divergence,
    total_variation,
)
from .montecarlo import ExpectationResult, expectation, log_expectation
from .objectives import fvsbn_value_and_gradient

__all__ = [
    "FVSBN",
    "NADE",
    "BernoulliMLE",
    "BitMatrix",
    "ConvergenceWarning",
    "DivergenceError",
    "ExpectationResult",
    "HeavyTailWarning",
    "IndependenceTest",
    "IntegrandError",
    "ModelFileError",
    "NotFittedError",
    "SeparationWarning",
    "__version__",
    "code_length",
    "compare",
    "cross_entropy",
    "decompose",
    "entropy",
    "expectation",
    "expected_code_length",
    "f_divergence",
    "fvsbn_value_and_gradient",
    "hellinger",
    "independence_test",
    "jeffreys_divergence",
    "js_divergence",
    "kl_divergence",
    "load",
    "log_expectation",
    "mutual_information",
    "pairwise_kl",
    "renyi_divergence",
    "show_config",
    "total_variation",
]
