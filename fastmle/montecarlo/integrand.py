"""The user's function as a compiled loop over samples, or as a NumPy function of a whole block.

This is the one place where Numba meets code that the library has never seen. A plain Python function is
rebuilt with the elementary functions it calls replaced by ones that the compiler can inline and
vectorise, compiled once for each kind of sample, and kept for as long as everything it reads (its
code, its closure, the globals) is the same: Numba freezes globals when it compiles.
"""

import functools
import hashlib
import math
import threading
import time
import types
from collections import OrderedDict

import numpy as np

from .. import kernels
from ..engine import compiled_generators
from ..exceptions import IntegrandError

# Samples that the compiled loop treats in one go: those, and the values of the integrand, stay in the
# first-level cache.
CHUNK_VALUES = 2048
_MOST_KEPT = 256
# Seconds of compiled work after which Python has a look.
_PACE = 0.05
# Samples to begin with, while nothing is known of the function.
_FIRST_PACE = 8
_SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic)

# What stands in these does not change.
_CONSTANT_MODULES = {"math", "numpy", "numba"}

_compiled: OrderedDict = OrderedDict()
_lock = threading.RLock()


def widen(samples):
    """Return samples with 64-bit integers in place of short ones, as arithmetic with those would wrap
    around."""
    return samples.astype(np.int64) if samples.dtype.kind in "iu" and samples.dtype.itemsize < 8 else samples


def make_integrand(function, *, vectorized=False, name="g"):
    """Return what evaluates the function on blocks of samples.

    Parameters
    ----------
    function : callable
        A function of one sample, or of a whole block where `vectorized` is set.
    vectorized : bool, default=False
        Whether it takes blocks.
    name : str, default="g"
        What messages call it.

    Returns
    -------
    CompiledIntegrand or VectorizedIntegrand

    Raises
    ------
    TypeError
        If it is no function.
    """
    if not callable(function):
        raise TypeError(f"{name} must be a function of a sample, got {type(function).__name__}")
    return (VectorizedIntegrand if vectorized else CompiledIntegrand)(function, name)


class VectorizedIntegrand:
    """A NumPy function of a block: (n, ...) -> (n,) or (n, n_components)."""

    def __init__(self, function, name):
        self.function, self.name = function, name
        self._width = None

    def values(self, block, stop=None):
        """Return the values at the samples of a block, float64 of shape (n,) or (n, n_components)."""
        block = widen(block).view()
        block.flags.writeable = False
        values = np.asarray(self.function(block))
        if values.ndim not in (1, 2) or len(values) != len(block) or values.dtype.kind not in "biuf":
            raise ValueError(
                f"{self.name} is called with a whole block (vectorized=True) and must return real numbers of "
                f"shape ({len(block)},) or ({len(block)}, n_components); it returned {values.dtype} of shape "
                f"{values.shape}"
            )
        if values.ndim == 2 and values.shape[1] == 0:
            raise ValueError(f"{self.name} returned vectors without entries")
        width = values.shape[1:]
        if self._width not in (None, width):
            raise ValueError(
                f"{self.name} returned values of shape {width} after values of shape {self._width}"
            )
        self._width = width
        return values.astype(np.float64, copy=False)


class CompiledIntegrand:
    """A function of one sample in a loop that Numba compiled."""

    def __init__(self, function, name):
        self.function, self.name = function, name
        self._key, self._read = _fingerprint(function)
        self._width = None

    def loop_for(self, block):
        """Return the compiled loop over samples like those of a block, compiling it on first use."""
        block = widen(block[:1])
        key = self._key, block.dtype.str, block.shape[1:]
        with _lock:
            if key in _compiled:
                _compiled.move_to_end(key)
            else:
                _compiled[key] = _Loop(self._compile(block)), self._read
                while len(_compiled) > _MOST_KEPT:
                    _compiled.popitem(last=False)
            return _compiled[key][0]

    def _compile(self, block):
        from . import _compiler

        try:
            return _compiler.compile_loops(self.function, block)
        except (_compiler.NumbaError, _compiler.UnsuitableResult) as error:
            code = getattr(_python_function(self.function), "__code__", None)
            place = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
            raise IntegrandError(
                f"Numba cannot compile {self.name}{place}:\n\n{str(error).strip()}\n\n"
                "Write it with numbers, arrays, math and numpy alone; or write it as a NumPy function of a "
                "whole block of samples, which is not compiled, and pass vectorized=True."
            ) from error

    def values(self, block, stop=None):
        """Return the values at the samples of a block, float64 of shape (n,) or (n, n_components).

        `stop`, a :class:`threading.Event`, ends the work early: the rest of the values is then without
        meaning.
        """
        loop = self.loop_for(block)
        if self._width is None:
            self._width = loop.width(block)
        values = np.empty((len(block), *self._width))
        for part in paced(len(block), 1, loop.pace, stop):
            loop.write_values(block[part], values[part], self.function)
        return values


class _Loop:
    """The compiled loops of a function, and how many samples they take a twentieth of a second for."""

    def __init__(self, compiled):
        self._compiled = compiled
        self.returns_a_number = compiled.n_components == 0
        self.returns_a_bool = compiled.returns_a_bool
        self.takes_floats = compiled.takes_floats
        self.pace = [_FIRST_PACE]

    def width(self, block):
        """Return () where the function returns a number, (n_components,) where it returns a vector."""
        n_components = self._compiled.n_components
        if n_components is None:
            row = self._rows(block, 1)
            row[:] = block[:1]
            n_components = len(self._compiled.function(row[0]))
            if n_components == 0:
                raise IntegrandError("the integrand returned an array without entries")
        return (n_components,) if n_components else ()

    def _rows(self, samples, n):
        """Return room for n samples as the function takes them: a copy, as it may write to them."""
        return np.empty(
            (n, *samples.shape[1:]), np.float64 if self.takes_floats else widen(samples[:1]).dtype
        )

    def write_values(self, samples, values, function):
        """Write the values of samples; an error in the function is the one that Python raises."""
        position = np.zeros(1, dtype=np.int64)
        rows = self._rows(samples, max(8, CHUNK_VALUES // max(1, math.prod(samples.shape[1:]))))
        try:
            self._compiled.write_values(samples.reshape(-1), rows, rows.reshape(-1), values, position)
        except Exception:
            _explain(function, samples[position[0] : position[0] + len(rows)])
            raise

    def bind(self, samples, values, distribution, draws, summary, function):
        """Return what draws n samples, evaluates them and takes up the values, chunk by chunk.

        Parameters
        ----------
        samples, values : ndarray
            Room for the samples of a chunk and their values.
        distribution : Filled
            Where samples come from.
        draws : ndarray of uint64
            State of the compiled generator.
        summary : ndarray of float64
            What the values are added to; not touched where the function returns a bool.
        function : callable
            The function as Python has it.

        Returns
        -------
        callable
            ``take(n)`` returns, where the function returns a bool, how often it is true. Otherwise it returns
            the position of the first value that is not finite, or -1; its sample and its value are then in
            `samples` and `values`, at the same place of their chunk.
        """
        chunk, position = len(samples), np.zeros(1, dtype=np.int64)
        arrays = draws, distribution.parameters, summary
        state, parameters, summary = (array.ctypes.data for array in arrays)
        source = kernels.fill_address(distribution.fill), state, parameters, distribution.n_dimensions
        summarize = kernels.summary_address()
        compiled, returns_a_bool = self._compiled, self.returns_a_bool

        def take(n, _alive=arrays):  # the addresses are good for as long as the arrays live
            try:
                if returns_a_bool:
                    return compiled.fill_and_count(samples, n, chunk, position, *source)
                return compiled.fill_and_sum(samples, values, n, chunk, position, *source, summarize, summary)
            except Exception:
                _explain(function, samples[: min(chunk, n - int(position[0]))])
                raise

        return take

    def bind_slow(self, samples, values, distribution, draws, summary, function, stop):
        """Return what does the same in steps, with the same digits: Python gets its turn within a chunk."""
        fill, rows = getattr(kernels, distribution.fill), samples.reshape(len(samples), -1)

        def take(n):
            n_true = 0
            for start in range(0, n, len(samples)):
                n_chunk = min(len(samples), n - start)
                fill(draws, distribution.parameters, rows[:n_chunk])
                for part in paced(n_chunk, 1, self.pace, stop):
                    self.write_values(samples[part], values[part], function)
                if stop.is_set():
                    return n_true if self.returns_a_bool else -1
                if self.returns_a_bool:
                    n_true += int(values[:n_chunk].sum())
                elif (found := kernels.summarize_values(values[:n_chunk], summary)) >= 0:
                    return start + found
            return n_true if self.returns_a_bool else -1

        return take

    def measure(self, function, distribution):
        """Find out, with a few samples, how quick the function is."""
        samples = np.empty((CHUNK_VALUES, *distribution.row_shape), dtype=distribution.dtype)
        draws = compiled_generators(np.random.SeedSequence(0))[0]
        summary = kernels.summary_reference.empty_summary()
        take = self.bind(samples, np.empty(CHUNK_VALUES), distribution, draws, summary, function)
        n, seconds = 1, 0.0  # the first call compiles
        while seconds < 1e-4 and n <= CHUNK_VALUES:
            before = time.perf_counter()
            try:
                take(n)
            except Exception:
                return  # an error that the samples of the user need not meet
            if n > 1:
                seconds = time.perf_counter() - before
                self.pace[0] = _samples_in(_PACE, n, seconds)
            n *= 8


def _explain(function, samples):
    """Raise what the function raises in Python for one of the samples: compiled code tells little of it."""
    for sample in samples:
        function(sample.item() if sample.ndim == 0 else sample)


def _samples_in(seconds, n, took):
    return int(min(1e9, max(1.0, seconds * n / max(took, 1e-9))))


def paced(n_rows, step, pace, stop=None):
    """Yield slices that cover the rows, each of them some hundredths of a second of work.

    Between two of them Python can answer an interrupt. They begin at multiples of `step`. `pace` is a list
    with the number of rows that took a twentieth of a second lately; it does not influence any result.
    """
    start = 0
    while start < n_rows and not (stop is not None and stop.is_set()):
        rows = max(step, pace[0] // step * step)
        part = slice(start, min(start + rows, n_rows))
        before = time.perf_counter()
        yield part
        seconds = time.perf_counter() - before
        # The first call may have compiled the loop: growth makes up for it soon.
        if part.stop - start == rows or seconds > _PACE:
            pace[0] = min(_samples_in(_PACE, part.stop - start, seconds), 8 * max(pace[0], step))
        start = part.stop


# What a compiled loop depends on


def _python_function(function):
    """Return the Python function behind a function, a jitted one, or a partial application."""
    function = getattr(function, "py_func", function)
    return function.func if isinstance(function, functools.partial) else function


def _names(code):
    """Return the global names (and attributes) that a code object and those inside it mention."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def captured(function):
    """Return the globals and the closure of a function, as two dictionaries of what it can read."""
    read = {
        name: function.__globals__[name] for name in _names(function.__code__) & set(function.__globals__)
    }
    closure = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            closure[name] = cell.cell_contents
        except ValueError:  # a name that its function has not set yet
            continue
    return read, closure


def _fingerprint(function):
    """Return a key that changes with everything a function reads, and the objects whose ids are in it."""
    alive, seen = [], set()

    def of(value, names=()):
        if isinstance(value, _SCALARS):
            return type(value), repr(value)
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            content = hashlib.blake2b(np.ascontiguousarray(value).tobytes())
            return "array", repr(value.dtype), value.shape, content.digest()
        if isinstance(value, (tuple, list)):
            return type(value), tuple(of(item) for item in value)
        if isinstance(value, functools.partial):
            return "partial", of(value.func), of(value.args), of(tuple(sorted(value.keywords.items())))
        if isinstance(value, types.FunctionType):
            alive.append(value.__code__)
            if id(value) in seen:
                return "again", value.__code__
            seen.add(id(value))
            read, closure = captured(value)
            names = sorted(_names(value.__code__))
            return (
                value.__code__,
                of(value.__defaults__ or ()),
                of(tuple(sorted((value.__kwdefaults__ or {}).items()))),
                tuple((name, of(read[name], names)) for name in sorted(read)),
                tuple((name, of(closure[name], names)) for name in sorted(closure)),
            )
        alive.append(value)
        if isinstance(value, types.ModuleType) and value.__name__.split(".")[0] not in _CONSTANT_MODULES:
            if (id(value), *names) in seen:
                return "again", id(value)
            seen.add((id(value), *names))
            return id(value), tuple(
                (name, of(getattr(value, name), names)) for name in names if hasattr(value, name)
            )
        return type(value), id(value)

    return of(function), alive


def fuse(integrand, distribution):
    """Return the compiled loop for samples from a compiled fill, or None where it cannot sum up values.

    Parameters
    ----------
    integrand : CompiledIntegrand or VectorizedIntegrand
        What to average.
    distribution : Filled
        Where samples come from.
    """
    if isinstance(integrand, VectorizedIntegrand):
        return None
    loop = integrand.loop_for(np.zeros((1, *distribution.row_shape), dtype=distribution.dtype))
    if not loop.returns_a_number:
        return None
    if loop.takes_floats and distribution.row_shape and distribution.dtype != np.float64:
        return None  # rows are views of what is drawn
    if loop.pace[0] == _FIRST_PACE:
        loop.measure(integrand.function, distribution)
    return loop
