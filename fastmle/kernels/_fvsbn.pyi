from typing import TypeVar

from numpy import float32, float64, int32, int64, uint8, uint16, uint64
from numpy.typing import NDArray

Real = TypeVar("Real", float32, float64)

LANES: dict[str, int]
LISTED_LINES: int
LISTED_ROWS: int
LISTED_RUN: int
LISTING_SLACK: int
MAX_LISTED: int
SCRATCH_LINES: int

def set_level(level: int) -> None: ...
def compute_logits(
    tile: NDArray[uint8],
    columns: NDArray[int32],
    coef: NDArray[float64],
    intercept: NDArray[float64],
    scratch: NDArray[Real],
) -> None: ...
def logits_to_terms(tile: NDArray[uint8], columns: NDArray[int32], scratch: NDArray[Real]) -> None: ...
def add_log_likelihood(
    tile: NDArray[uint8],
    columns: NDArray[int32],
    coef: NDArray[float64],
    intercept: NDArray[float64],
    scratch: NDArray[Real],
    total: NDArray[float64],
    starts: NDArray[int32] | None = None,
    bits: NDArray[uint16] | None = None,
) -> None: ...
def add_gradient(
    tiles: NDArray[uint8],
    height: int,
    n_rows: int,
    columns: NDArray[int32],
    coef: NDArray[float64],
    intercept: NDArray[float64],
    weight: NDArray[float64] | None,
    scratch: NDArray[float32] | NDArray[float64],
    units: NDArray[int64],
    n_left: NDArray[int64],
    n_taken: int,
    value: NDArray[float64],
    grad_coef: NDArray[float64],
    grad_intercept: NDArray[float64],
    starts: NDArray[int32] | None = None,
    bits: NDArray[uint16] | None = None,
    first_listed: int = 0,
    n_summed: int = 4096,
) -> None: ...
def compute_gradient_in_lines(
    tile: NDArray[uint8],
    parameters: NDArray[float32],
    places: NDArray[int64],
    n_left: NDArray[int64],
    weight: NDArray[float64] | None,
    scratch: NDArray[float32],
    value: NDArray[float64],
    gradient: NDArray[float32],
    starts: NDArray[int32],
    rows: NDArray[uint16],
) -> None: ...
def list_set_bits(tile: NDArray[uint8], starts: NDArray[int32], bits: NDArray[uint16]) -> None: ...
def list_rows(tile: NDArray[uint8], starts: NDArray[int32], rows: NDArray[uint16]) -> None: ...
def sample_block(
    tile: NDArray[uint8],
    first_column: int,
    n_given: int,
    coef: NDArray[float64],
    intercept: NDArray[float64],
    uniform: NDArray[int32],
    scratch: NDArray[float32],
) -> None: ...
def sample_rows(
    tile: NDArray[uint8],
    n_given: int,
    coef: NDArray[float64],
    intercept: NDArray[float64],
    states: NDArray[uint64],
    stream_rows: int,
    uniform: NDArray[int32],
    scratch: NDArray[float32],
) -> None: ...
