from numpy import float64, int64
from numpy.typing import NDArray

def solve_leading_blocks(
    factor: NDArray[float64], sizes: NDArray[int64], vectors: NDArray[float64]
) -> None: ...
def measure_lower_rows(
    coef: NDArray[float64],
    gradient: NDArray[float64],
    first: int,
    squares: NDArray[float64],
    largest: NDArray[float64],
) -> None: ...
