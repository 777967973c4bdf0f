"""fastmle: exact-likelihood densities for tables of zeros and ones, on the CPU."""

from ._version import __version__
from .config import show_config
from .data import BitMatrix
from .estimators import FVSBN, BernoulliMLE, load
from .exceptions import ConvergenceWarning, ModelFileError, NotFittedError, SeparationWarning
from .objectives import fvsbn_value_and_gradient

__all__ = [
    "FVSBN",
    "BernoulliMLE",
    "BitMatrix",
    "ConvergenceWarning",
    "ModelFileError",
    "NotFittedError",
    "SeparationWarning",
    "__version__",
    "fvsbn_value_and_gradient",
    "load",
    "show_config",
]
