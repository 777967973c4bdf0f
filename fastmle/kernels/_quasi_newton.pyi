from numpy import float64, int64
from numpy.typing import NDArray

def advance_rows(
    active: NDArray[int64],
    lengths: NDArray[int64],
    offsets: NDArray[int64],
    x: NDArray[float64],
    value: NDArray[float64],
    gradient: NDArray[float64],
    norm: NDArray[float64],
    solved: NDArray[float64],
    direction: NDArray[float64],
    search: NDArray[float64],
    pairs: NDArray[float64],
    curvatures: NDArray[float64],
    counts: NDArray[int64],
    scale: NDArray[float64],
    coefficients: NDArray[float64],
    trial: NDArray[float64],
    trial_value: NDArray[float64],
    trial_gradient: NDArray[float64],
    trial_solved: NDArray[float64],
    value_error: float,
    target: float,
    opening: bool,
) -> int: ...
