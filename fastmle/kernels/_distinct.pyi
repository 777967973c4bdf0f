from numpy import float64, int64, uint16, uint64
from numpy.typing import NDArray

def merge_rows(
    hashes: NDArray[uint64],
    words: NDArray[uint64],
    bounds: NDArray[int64],
    first: int,
    last: int,
    slots: NDArray[uint64],
    weight: NDArray[float64],
) -> int: ...
def sort_rows(
    hashes: NDArray[uint64],
    weight: NDArray[float64],
    shift: int,
    kept: NDArray[uint16],
    bounds: NDArray[int64],
    places: NDArray[uint16],
    sorted_hashes: NDArray[uint64],
    sorted_weight: NDArray[float64],
) -> None: ...
def restore_order(
    places: NDArray[uint16],
    weight: NDArray[float64],
    start: int,
    marks: NDArray[uint64],
    entries: NDArray[uint16],
    rows: NDArray[int64],
    ordered: NDArray[float64],
) -> None: ...
