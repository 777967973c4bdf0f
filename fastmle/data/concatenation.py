"""Tables that come in parts, put together."""

import numpy as np

from .bitmatrix import TILE_ROWS, BitMatrix


def concatenate(parts):
    """Put the rows of packed tables one below the other.

    Parameters
    ----------
    parts : sequence of BitMatrix
        At least one, of the same columns; names are those of the first.

    Returns
    -------
    BitMatrix
        With weights where any part has some; rows of the others count once.

    Raises
    ------
    ValueError
        If the numbers of columns differ.

    Examples
    --------
    >>> from fastmle import BitMatrix
    >>> from fastmle.data import concatenate
    >>> parts = BitMatrix.from_array([[0, 1]]), BitMatrix.from_array([[1, 1], [1, 0]])
    >>> concatenate(parts).to_array().tolist()
    [[0, 1], [1, 1], [1, 0]]
    """
    n_columns = parts[0].shape[1]
    for number, part in enumerate(parts):
        if part.shape[1] != n_columns:
            raise ValueError(f"part {number} has {part.shape[1]} columns, part 0 has {n_columns}")
    n_rows = sum(len(part) for part in parts)
    weight = None
    if any(part.sample_weight is not None for part in parts):
        weights = (np.ones(len(p)) if p.sample_weight is None else p.sample_weight for p in parts)
        weight = np.concatenate(list(weights))
    whole = BitMatrix(
        np.empty(n_rows * parts[0].n_groups, dtype=np.uint8),
        (n_rows, n_columns),
        feature_names=parts[0].feature_names,
        sample_weight=weight,
    )
    row = 0
    for part in parts:
        for index in range(part.n_tiles):
            tile = part.tile(index)
            start = 0
            while start < tile.shape[1]:
                own, first = divmod(row, TILE_ROWS)
                n_taken = min(tile.shape[1] - start, TILE_ROWS - first)
                whole.tile(own)[:, first : first + n_taken] = tile[:, start : start + n_taken]
                start, row = start + n_taken, row + n_taken
    return whole
