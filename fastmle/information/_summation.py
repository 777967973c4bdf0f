"""Sums of terms of two discrete distributions, from the median outwards."""

import math

import numpy as np

from ._lines import LOG_LEAST, is_surely_infinite, on_one_lattice, table_of_terms

# Each block of outcomes has twice as many as the one before, up to so many in one direction.
_FIRST_BLOCK, _MOST_OUTCOMES = 2**10, 2**20
# A block with less than this share of the sum is the last one, unless p or q has more mass beyond it.
_SHARE, _MASS = 1e-17, 1e-12
# What probabilities may lack to a sum of one before it counts as error.
_LACKING = 1e-10
# The share is one of this sum at least.
_LEAST_SUM = 1e-20


def add_up(quantity, p, q):
    """Return the sum of the terms of a quantity, and an estimate of its error.

    Parameters
    ----------
    quantity : Quantity
        What to sum up.
    p, q : Line
        Discrete distributions.

    Returns
    -------
    value, error : float

    Raises
    ------
    ValueError
        If a log probability is NaN.
    """
    return _Sum(quantity, p, q).result()


class _Sum:
    """A sum over the outcomes of p: those in a table, or else whole numbers, shifted by the location."""

    def __init__(self, quantity, p, q):
        self.quantity, self.p, self.q = quantity, p, q
        self.parts, self.parts_of_p, self.parts_of_q = [], [], []
        self.outside = self.beyond = self.error = 0.0

    def result(self):
        """Return the sum and its error."""
        p, q = self.p, self.q
        if p.outcomes is not None:
            self._take(p.outcomes)
            alike = False
        else:
            centre, alike = float(p.quantile(0.5)), on_one_lattice(p, q)
            if is_surely_infinite(self.quantity, p, q):
                return math.inf, 0.0
            above, below = (p.high, q.high), (p.low, q.low)
            self._walk(centre, 1, above, lambda x: (p.survival(x), q.survival(x)), alike)
            self._walk(centre - 1, -1, below, lambda x: (p.cumulative(x - 1), q.cumulative(x - 1)), alike)
        if not alike:  # q may have outcomes between those of p
            self._leave(1 - math.fsum(self.parts_of_q))
        value = math.fsum(self.parts) + self.outside
        if value == math.inf:
            return value, 0.0
        lacking = abs(math.fsum(self.parts_of_p) + self.beyond - 1)
        return value, self.error + (lacking * (1 + abs(value)) if lacking > _LACKING else 0.0)

    def _take(self, x):
        """Take up the terms at outcomes; return their table."""
        table = table_of_terms(self.quantity, self.p, self.q, x)
        self.parts.append(float(table[0].sum()))
        self.parts_of_p.append(float(table[1].sum()))
        self.parts_of_q.append(float(table[2].sum()))
        self.error += float(table[3].sum()) * abs(LOG_LEAST)
        return table

    def _leave(self, mass_q):
        """Take up what q has where p has nothing, or nothing that is summed up."""
        if mass_q > 0:
            self.outside += float(mass_q) * self.quantity.of_q

    def _walk(self, start, sign, ends, masses_beyond, alike):
        """Take up outcomes from a start towards the end of p, in blocks; what q has beyond them, too."""
        end, end_of_q = ends
        n_done, size, n_all = 0, _FIRST_BLOCK, max(sign * (end - start) + 1, 0)
        while n_done < min(n_all, _MOST_OUTCOMES):
            n = int(min(size, n_all - n_done, _MOST_OUTCOMES - n_done))
            x = start + sign * np.arange(n_done, n_done + n, dtype=np.float64)
            terms, of_p, _, _ = self._take(x)
            n_done, size = n_done + n, 2 * size
            if self.parts[-1] == math.inf:
                return
            mass_p, mass_q = masses_beyond(x[-1])
            enough = _SHARE * max(abs(math.fsum(self.parts)), _LEAST_SUM)
            if np.abs(terms).sum() <= enough and max(mass_p, mass_q) <= _MASS:
                return
        if n_done < n_all:
            masses = float(masses_beyond(x[0])[0]), float(mass_p)
            self.error += _beyond((n_done - n, n_done), masses, terms[[0, -1]], of_p[[0, -1]])
            self.beyond += float(mass_p)
            end = x[-1]
        if alike and sign * (end_of_q - end) > 0:
            self._leave(masses_beyond(end)[1])


def _beyond(distances, masses, terms, of_p):
    """Return what may be beyond the last of two outcomes: terms in tails that go on as powers do.

    Between the outcomes the mass beyond falls by a power m of the distance, and the share that a term has in
    p grows by a power c: the sum is infinite unless m is larger.
    """
    if not masses[1] > 0:
        return 0.0
    shares = 1 + np.divide(np.abs(terms), of_p, out=np.full(2, abs(LOG_LEAST)), where=of_p > 0)
    powers = np.log([masses[0] / masses[1], shares[1] / shares[0]]) / math.log(distances[1] / distances[0])
    falls, grows = powers[0], max(powers[1], 0.0)
    return masses[1] * float(shares[1]) * (falls / (falls - grows) if falls > grows else math.inf)
