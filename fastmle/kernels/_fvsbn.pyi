from typing import TypeVar

from numpy import float32, float64, int32, uint8
from numpy.typing import NDArray

Real = TypeVar("Real", float32, float64)

LANES: dict[str, int]

def set_level(level: int) -> None: ...
def build_tables(coef: NDArray[float64], columns: NDArray[int32], tables: NDArray[Real]) -> None: ...
def compute_logits(
    tile: NDArray[uint8], tables: NDArray[Real], intercept: NDArray[float64], z: NDArray[Real]
) -> None: ...
def logits_to_terms(tile: NDArray[uint8], columns: NDArray[int32], z: NDArray[Real]) -> None: ...
def add_terms(terms: NDArray[Real], n_columns: int, total: NDArray[float64]) -> None: ...
def logits_to_residuals(
    tile: NDArray[uint8],
    columns: NDArray[int32],
    weight: NDArray[float64] | None,
    z: NDArray[Real],
    value: NDArray[float64],
) -> None: ...
def scatter_gradient(
    tile: NDArray[uint8],
    residual: NDArray[Real],
    columns: NDArray[int32],
    n_groups: int,
    buckets: NDArray[Real],
    grad_coef: NDArray[float64],
    grad_intercept: NDArray[float64],
) -> None: ...
def sample_group(
    z: NDArray[float64],
    weights: NDArray[float64],
    uniform: NDArray[float64],
    first_bit: int,
    n_lanes: int,
    group_bytes: NDArray[uint8],
) -> None: ...
