from numpy import float64, int64
from numpy.typing import NDArray

def store_pairs(
    rows: NDArray[int64],
    lengths: NDArray[int64],
    offsets: NDArray[int64],
    new_steps: NDArray[float64],
    new_changes: NDArray[float64],
    new_solved: NDArray[float64],
    steps: NDArray[float64],
    changes: NDArray[float64],
    solved: NDArray[float64],
    curvatures: NDArray[float64],
    counts: NDArray[int64],
) -> None: ...
def first_loop(
    rows: NDArray[int64],
    lengths: NDArray[int64],
    offsets: NDArray[int64],
    steps: NDArray[float64],
    changes: NDArray[float64],
    solved: NDArray[float64],
    curvatures: NDArray[float64],
    counts: NDArray[int64],
    vectors: NDArray[float64],
    directions: NDArray[float64],
    coefficients: NDArray[float64],
) -> None: ...
def second_loop(
    rows: NDArray[int64],
    lengths: NDArray[int64],
    offsets: NDArray[int64],
    steps: NDArray[float64],
    changes: NDArray[float64],
    curvatures: NDArray[float64],
    counts: NDArray[int64],
    directions: NDArray[float64],
    coefficients: NDArray[float64],
) -> None: ...
