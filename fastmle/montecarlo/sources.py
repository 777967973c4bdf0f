"""Where the values come from: units of work that draw samples, evaluate them and add to a running state.

A unit has a stream of its own, keyed by its index, so that what it adds does not depend on the thread that
runs it. `Blocks` draw independent samples, `Pairs` antithetic ones, `Replicates` whole point sets of which
each gives one value, and `Rows` are those of a table.
"""

import itertools

import numpy as np
from scipy.stats import qmc

from .. import kernels
from ..engine import compiled_generators
from .integrand import CHUNK_VALUES, CompiledIntegrand, fuse, paced
from .quantities import NotFinite, describe_sample

# The running mean is first looked at after so few samples, then at every doubling.
_FIRST_LOOK = 128
_MOST_POINTS = 2**16
# Numbers that are evaluated in one go, and values while it is not known how many components they have.
_SLICE_NUMBERS, _FIRST_SLICE = 2**16, 1024


def _parts(index, n):
    """Return the slices in which a unit takes up its n values: those of the first unit double."""
    edges = [0]
    if index == 0:
        step = _FIRST_LOOK
        while step < n:
            edges.append(step)
            step *= 2
    edges.append(n)
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


class Blocks:
    """Independent samples of a distribution.

    Parameters
    ----------
    distribution : Distribution
        What to draw from.
    quantity : callable
        Table of values of a block of samples.
    streams : RandomStreams
        Streams, one a unit.
    """

    samples_a_value = 1

    def __init__(self, distribution, quantity, streams):
        self.distribution, self.quantity, self.streams = distribution, quantity, streams
        distribution.settle(streams)
        self.unit_values = distribution.block_rows
        self._loop = None
        integrand = quantity.integrand
        if distribution.fill is not None and integrand is not None:
            self._loop = fuse(integrand, distribution)
        if self._loop is not None:
            self.unit_values = distribution.filled_rows

    @property
    def uses_numpy(self):
        """Whether a unit does linear algebra, in the user's functions perhaps."""
        return self._loop is None

    def add(self, index, n, state, watch, observe=None):
        """Add unit `index` with n values to a state.

        Parameters
        ----------
        index, n : int
            Number of the unit, and of values that it has.
        state : state
            What takes the values up.
        watch : Watch
            Tells of an interrupt, after which the state is without meaning, and of the deadline.
        observe : callable or None, default=None
            Called with the state at the first doublings.

        Returns
        -------
        int
            Number of values taken up: n, or fewer where the time was over.
        """
        try:
            if self._loop is not None:
                return self._add_fused(index, n, state, watch, observe)
            return self._add_tables(index, n, state, watch, observe)
        except NotFinite as found:
            raise found.error(index * self.unit_values * self.samples_a_value) from None

    def _draw(self, index, n):
        return self.distribution.draw(self.streams.sequence(index), n)

    def _weights(self, index, n):
        return None

    def _table(self, samples, watch):
        return self.quantity(samples, watch)

    def _add_tables(self, index, n, state, watch, observe):
        each, edges = self.samples_a_value, {part.stop for part in _parts(index, n)}
        samples, weights = self._draw(index, n), self._weights(index, n)
        # A compiled function looks at one sample at a time, NumPy at all numbers of a slice.
        compiled = isinstance(self.quantity.integrand, CompiledIntegrand)
        numbers = each * (1 if compiled else max(1, self.distribution.n_dimensions))
        start = 0 if weights is None or weights.any() else n
        while start < n:
            # The first slice tells how many components there are; with a deadline all are short.
            most = _SLICE_NUMBERS // numbers if start and not watch.has_deadline else _FIRST_SLICE
            stop = min(n, start + max(1, most))
            try:
                table = self._table(samples[start * each : stop * each], watch)
            except NotFinite as found:
                found.row += start * each
                raise
            if watch.is_set():
                return 0
            numbers = max(numbers, table.size // len(table))
            cuts = sorted({start, stop, *(edge for edge in edges if start < edge < stop)})
            for first, last in itertools.pairwise(cuts):
                part = table[first - start : last - start]
                if weights is None:
                    state.add(part)
                else:
                    state.add(part, weights[first:last])
                if observe is not None and last in edges:
                    observe(state)
            start = stop
            if watch.is_late():
                break
        return start

    def _add_fused(self, index, n, state, watch, observe):
        distribution, loop, function = self.distribution, self._loop, self.quantity.g.function
        chunk = max(8, CHUNK_VALUES // distribution.n_dimensions // 8 * 8)
        samples = np.empty((chunk, *distribution.row_shape), dtype=distribution.dtype)
        values = np.empty(chunk)
        arguments = samples, values, distribution, self.streams.state(index), state.scalar_summary, function
        take, take_slowly = loop.bind(*arguments), None
        for part in _parts(index, n):
            n_true = done = 0
            for piece in paced(part.stop - part.start, chunk, loop.pace, watch):
                rows = piece.stop - piece.start
                if loop.pace[0] >= chunk:
                    found = take(rows)
                else:
                    take_slowly = take_slowly or loop.bind_slow(*arguments, watch)
                    found = take_slowly(rows)
                if watch.is_set():
                    return 0
                if loop.returns_a_bool:
                    n_true += found
                elif found >= 0:
                    place = found % chunk
                    raise NotFinite(
                        self.quantity.g.name,
                        part.start + done + found,
                        values[place],
                        describe_sample(samples[place]),
                    )
                done += rows
                if watch.is_late():
                    break
            if loop.returns_a_bool:
                state.add_counts(done, n_true)
            if observe is not None:
                observe(state)
            if part.start + done < part.stop:
                return part.start + done
        return n


class Pairs(Blocks):
    """Antithetic pairs: the points u and 1 - u of the unit cube, and the mean of their two values."""

    samples_a_value = 2

    def __init__(self, distribution, quantity, streams):
        super().__init__(distribution, quantity, streams)
        self._loop = None
        self.unit_values = max(1, distribution.block_rows // 2)

    def _draw(self, index, n):
        uniform = _uniform(self.streams.sequence(index), n, self.distribution.n_dimensions)
        both = np.stack([uniform, 1 - uniform], axis=1).reshape(2 * n, -1)
        return np.ascontiguousarray(self.distribution.transform(both))

    def _table(self, samples, watch):
        table = super()._table(samples, watch)
        return self.quantity.average(table.reshape(-1, 2, *table.shape[1:]))


class Replicates:
    """Randomised point sets: each unit is one of them, and its value is the mean over its points.

    Parameters
    ----------
    distribution : Distribution
        A distribution with a quantile function.
    quantity : callable
        Table of values of a block of samples.
    streams : RandomStreams
        Streams, one a unit.
    method : {"stratified", "sobol", "halton"}
        The points.
    n_points : int
        Points of a set; `stratified` takes the largest k^d below, `sobol` the largest power of two.
    """

    unit_values = 1
    uses_numpy = True

    def __init__(self, distribution, quantity, streams, method, n_points, level=0):
        self.distribution, self.quantity, self.streams = distribution, quantity, streams
        self.method, self._level = method, level
        d = distribution.n_dimensions
        if method == "stratified":
            self._strata = max(1, int(n_points ** (1 / d) + 1e-9))
            n_points = self._strata**d
            if n_points == 1:
                raise ValueError(
                    f"{d} dimensions are too many for stratified sampling with so few samples: each of them "
                    'must be cut at least once, 2^d strata; use method="sobol"'
                )
        elif method == "sobol":
            n_points = 2 ** (n_points.bit_length() - 1)
        self.samples_a_value = n_points

    def add(self, index, n, state, watch, observe=None):
        """Add the mean of point set `index` to the state; see :meth:`Blocks.add`."""
        sequence = self.streams.sequence(self._level, index)
        averages, sizes = [], []
        for points in self._points(sequence):
            samples = np.ascontiguousarray(self.distribution.transform(points))
            try:
                table = self.quantity(samples, watch)
            except NotFinite as found:
                raise found.error(index * self.samples_a_value + sum(sizes)) from None
            if watch.is_set():
                return 0
            averages.append(self.quantity.average(table[None]))
            sizes.append(len(points))
        shares = np.array(sizes) / self.samples_a_value
        state.add(self.quantity.average(np.stack(averages, axis=1), shares))
        if observe is not None:
            observe(state)
        return 1

    def _points(self, sequence):
        """Yield the points of one set, shape (n, d), in blocks."""
        d, n_points = self.distribution.n_dimensions, self.samples_a_value
        most = max(1024, 2 ** (_MOST_POINTS // d).bit_length() // 2)
        if self.method == "stratified":
            for block, start in enumerate(range(0, n_points, most)):
                cells = np.arange(start, min(start + most, n_points))
                corners = np.stack(np.unravel_index(cells, (self._strata,) * d), axis=1)
                seed = np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, block))
                yield (corners + _uniform(seed, len(cells), d)) / self._strata
            return
        rng = np.random.default_rng(sequence)
        engine = qmc.Sobol(d, bits=53, seed=rng) if self.method == "sobol" else qmc.Halton(d, seed=rng)
        for start in range(0, n_points, most):
            points = engine.random(min(most, n_points - start))
            yield np.clip(points, 2.0**-54, 1 - 2.0**-53)  # quantiles of 0 and 1 may be infinite


class Rows(Blocks):
    """The rows of a table, each once, or as often as its weight says."""

    def __init__(self, data, quantity):
        self.distribution, self.quantity = data, quantity
        self.unit_values = data.block_rows
        self._loop = None

    def _draw(self, index, n):
        first = index * self.unit_values
        rows = self.distribution.block(first, first + n)
        weights = self._weights(index, n)
        if weights is not None and weights.any() and not weights.all():
            # Rows that do not count are evaluated as one that does, whatever they are.
            rows[weights == 0] = rows[int(np.argmax(weights > 0))]
        return rows

    def _weights(self, index, n):
        weights, first = self.distribution.weights, index * self.unit_values
        return None if weights is None else weights[first : first + n]


def _uniform(sequence, n, n_dimensions):
    """Draw points of the open unit cube."""
    points = np.empty((n, n_dimensions))
    standard = np.concatenate([np.zeros(n_dimensions), np.ones(n_dimensions)])
    kernels.fill_uniform(compiled_generators(sequence)[0], standard, points)
    return points
