from typing import TypeVar

from numpy import float32, float64, int16, int32, uint8, uint64
from numpy.typing import NDArray

Real = TypeVar("Real", float32, float64)

NADE_ACTIVATIONS: dict[str, int]
NADE_COLUMNS: int

def set_level(level: int) -> None: ...
def nade_lines(n_rows: int) -> int: ...
def nade_log_likelihood(
    tile: NDArray[uint8],
    output_weight: NDArray[Real],
    bias: NDArray[Real],
    input_weight: NDArray[Real],
    hidden_bias: NDArray[Real],
    n_hidden: int,
    activation: int,
    scratch: NDArray[Real],
    total: NDArray[float64],
) -> None: ...
def nade_logits(
    tile: NDArray[uint8],
    output_weight: NDArray[Real],
    bias: NDArray[Real],
    input_weight: NDArray[Real],
    hidden_bias: NDArray[Real],
    n_hidden: int,
    activation: int,
    scratch: NDArray[Real],
    logits: NDArray[float64],
) -> None: ...
def nade_represent(
    tile: NDArray[uint8],
    output_weight: NDArray[Real],
    bias: NDArray[Real],
    input_weight: NDArray[Real],
    hidden_bias: NDArray[Real],
    n_hidden: int,
    activation: int,
    scratch: NDArray[Real],
    hidden: NDArray[float64],
) -> None: ...
def nade_odds(weight: NDArray[float32], odds: NDArray[float32], sums: NDArray[float32]) -> None: ...
def nade_coarsen(
    output_weight: NDArray[float32],
    bias: NDArray[float32],
    n_hidden: int,
    weight: NDArray[int16],
    terms: NDArray[float32],
) -> None: ...
def nade_sample(
    tile: NDArray[uint8],
    n_given: int,
    output_weight: NDArray[Real],
    bias: NDArray[Real],
    input_weight: NDArray[Real],
    hidden_bias: NDArray[Real],
    n_hidden: int,
    activation: int,
    n_odds: int,
    coarse_weight: NDArray[int16] | None,
    coarse_terms: NDArray[float32] | None,
    states: NDArray[uint64],
    uniform: NDArray[int32],
    scratch: NDArray[Real],
) -> None: ...
def nade_add_gradient(
    tile: NDArray[uint8],
    output_weight: NDArray[Real],
    bias: NDArray[Real],
    input_weight: NDArray[Real],
    hidden_bias: NDArray[Real],
    n_hidden: int,
    activation: int,
    weight: NDArray[float64] | None,
    mask: NDArray[Real] | None,
    keep: float,
    smoothing: float,
    scratch: NDArray[Real],
    value: NDArray[float64],
    grad_output_weight: NDArray[Real],
    grad_bias: NDArray[Real],
    grad_input_weight: NDArray[Real],
    grad_hidden_bias: NDArray[Real],
) -> None: ...
