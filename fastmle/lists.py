"""Lists of set bits, which serve the FVSBN's kernels better than tables where rows are sparse or few.

In a row's list stand the variables that are set, in that of a variable the rows in which it is set.
"""

from typing import NamedTuple

import numpy as np

from . import kernels
from .data.bitmatrix import TILE_ROWS
from .engine import map_units

# Lists, or what else a pass keeps of its tiles, are at most this many numbers at a time.
_WAVE_SIZE = 2**22


class Costs(NamedTuple):
    """Nanoseconds in a block of columns, where they were measured; only their ratios count."""

    table: float  # a row and a group of eight variables, with tables
    building: float  # a tile and a group: what tables cost beyond the lines of weights of lists
    row: float  # a row, with lists of set bits
    bit: float  # a set bit


GRADIENT = Costs(table=1.4, building=730.0, row=12.0, bit=1.9)
SCORES = Costs(table=0.76, building=270.0, row=12.0, bit=2.6)
# Lists by variable, where the parameters stand in lines, which tables have to leave.
_MINIBATCH = Costs(table=1.0, building=800.0, row=9.0, bit=0.6)
# What it takes to make lists, once for all blocks: for a pass, a row and a group, and a set bit.
_LISTING = 9000.0, 0.7, 1.3


def cut_into_waves(bits, numbers_a_tile=1, *, lists=False):
    """Cut the tiles into waves, each of which needs so many numbers a tile, or those of lists."""
    if lists:
        bits_a_row = bits.density * bits.shape[1]
        numbers_a_tile = max(numbers_a_tile, int(TILE_ROWS * (bits_a_row + 2)))
    length = max(1, _WAVE_SIZE // numbers_a_tile)
    return [range(first, min(first + length, bits.n_tiles)) for first in range(0, bits.n_tiles, length)]


class Choice:
    """Whether lists of set bits serve a pass better than tables.

    Parameters
    ----------
    bits : BitMatrix
        The data.
    n_groups : int
        Number of groups that are read at most.
    n_blocks : int
        Number of blocks of columns that read them.
    costs : Costs
        What they cost there.
    listed : bool, default=False
        Whether the lists are kept for pass after pass, so that making them costs nothing.

    Attributes
    ----------
    lists : bool
        Whether any block should take lists.
    """

    def __init__(self, bits, n_groups, n_blocks, costs, *, listed=False):
        bits_a_group = 8 * bits.density
        n_rows = max(1, bits.shape[0])
        per_row = costs.row
        if not listed:
            a_pass, a_group, a_bit = _LISTING
            per_row += (a_pass / n_rows + n_groups * (a_group + bits_a_group * a_bit)) / n_blocks
        table = costs.table + costs.building / min(n_rows, TILE_ROWS)
        gain_a_group = table - bits_a_group * costs.bit
        self._worth_from = per_row / gain_a_group if gain_a_group > 0 else np.inf
        self.lists = bits.shape[1] < kernels.MAX_LISTED and n_groups >= self._worth_from

    def serve(self, column):
        """Whether lists are better for the predecessors of that column."""
        return self.lists and column // 8 >= self._worth_from


class RowLists:
    """Lists of the set bits of rows, tile by tile; where one wave has all tiles, they are kept.

    Parameters
    ----------
    bits : BitMatrix
        The data.

    Attributes
    ----------
    are_kept : bool
        Whether all lists are made once.
    """

    def __init__(self, bits):
        self._bits = bits
        self._kept = None
        self.are_kept = len(cut_into_waves(bits, lists=True)) <= 1

    def make(self, wave, n_jobs=None):
        """Return the lists of a wave of tiles.

        Returns
        -------
        starts : ndarray of int32, shape (len(wave), rows of a whole tile + 1)
            Where the list of each row begins, and the last one of the tile ends.
        listed : ndarray of uint16
            The lists, as `list_set_bits` makes them.
        """
        if not self.are_kept:
            return self._list(wave, n_jobs)
        if self._kept is None:
            self._kept = self._list(wave, n_jobs)
        return self._kept

    def _list(self, wave, n_jobs):
        tiles = [self._bits.tile(index) for index in wave]
        work = sum(tile.size for tile in tiles)
        counts = map_units(
            lambda tile: int(np.bitwise_count(tile).sum()), tiles, n_jobs=n_jobs, work=work // 4
        )
        places = np.cumsum([0, *counts])
        starts = np.empty((len(tiles), min(self._bits.shape[0], TILE_ROWS) + 1), dtype=np.int32)
        listed = np.empty(places[-1] + 1, dtype=np.uint16)  # so that no tile's part of it is empty

        def fill(k):
            own = starts[k, : tiles[k].shape[1] + 1]
            kernels.list_set_bits(tiles[k], own, listed[places[k] :])
            own += places[k]

        map_units(fill, range(len(tiles)), n_jobs=n_jobs, work=work)
        return starts, listed


def list_minibatch(bits):
    """Return lists of the rows of every variable, for :mod:`.lines`.

    Parameters
    ----------
    bits : BitMatrix
        The rows.

    Returns
    -------
    tuple of (starts, rows) or None
        What `list_rows` fills, of rows of one tile. None where tables serve better, or the tiles are several.
    """
    n_rows, n_features = bits.shape
    n_groups, n_blocks = (n_features + 6) // 8, -(-n_features // kernels.LANES["float32"])
    if bits.n_tiles != 1 or not Choice(bits, n_groups, n_blocks, _MINIBATCH).lists:
        return None
    tile = bits.tile(0)[:n_groups]
    n_lists = 8 * n_groups * -(-n_rows // kernels.LISTED_RUN)
    starts = np.empty(n_lists + 1, dtype=np.int32)
    longest = int(np.bitwise_count(tile).sum()) + n_lists * (kernels.LISTED_ROWS - 1)
    rows = np.empty(longest + kernels.LISTING_SLACK, dtype=np.uint16)
    kernels.list_rows(tile, starts, rows)
    return starts, rows
