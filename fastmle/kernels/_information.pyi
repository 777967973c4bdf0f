from typing import Any

from numpy import float64
from numpy.typing import NDArray

SUM_KINDS: dict[str, int]
SUM_RESULTS: int
SUM_SETTINGS: int

def set_level(level: int) -> None: ...
def sum_probabilities(
    kind: int,
    log: bool,
    omit: bool,
    p: NDArray[Any],
    q: NDArray[Any],
    settings: NDArray[float64],
    results: NDArray[float64],
) -> None: ...
def inform_pairs(
    row_ones: NDArray[float64], ones: NDArray[float64], total: float, values: NDArray[float64]
) -> None: ...
