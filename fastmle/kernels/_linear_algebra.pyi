from numpy import float64, int64
from numpy.typing import NDArray

def solve_leading_blocks(
    factor: NDArray[float64], sizes: NDArray[int64], vectors: NDArray[float64]
) -> None: ...
