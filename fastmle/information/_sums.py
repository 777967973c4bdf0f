"""From arguments to sums: shapes, units of work, and what is wrong with probabilities.

One pass of the kernel sums up the terms together with the entries, and finds the least of these: what is
wrong shows in its results, and only then are the arguments searched for where it is.
"""

import functools
import math

import numpy as np

from .. import kernels
from ..engine import map_units

# Entries of a unit of work: the units follow from the shapes alone, and so do the digits.
UNIT_ENTRIES = 2**18
_VALUE, _OTHER, _LARGEST, _SUM_P, _SUM_Q, _LEAST_P, _LEAST_Q = range(kernels.SUM_RESULTS)
_KERNEL_TYPES = {np.dtype(np.float32), np.dtype(np.float64)}
_TOLERANCES = {kind: float(np.sqrt(np.finfo(kind).eps)) for kind in _KERNEL_TYPES}
_TIGHTEST = min(_TOLERANCES.values())
_LEAST_SUM, _LARGEST_SUM = 1e-290, 1e290
POLICIES = "raise", "propagate", "omit"


def plain_settings():
    """Return the settings of the kernel for arguments as they are."""
    settings = np.zeros((1, kernels.SUM_SETTINGS))
    settings[0, :3] = 1.0
    return settings


_PLAIN, _PLAIN_LOG = plain_settings(), plain_settings()
_PLAIN_LOG[0, :2] = 0.0


def sum_of_pair(kind, p, q, axis, log, normalize, nan_policy, n_jobs):
    """Return the sum of two short float vectors, or None where there is more to do, or something wrong."""
    if normalize or nan_policy != "raise" or n_jobs == 0:
        return None
    if type(p) is not np.ndarray or type(q) is not np.ndarray:
        p = np.asarray(p)
        q = np.asarray(q)
    tolerance_p, tolerance_q = _TOLERANCES.get(p.dtype), _TOLERANCES.get(q.dtype)
    if tolerance_p is None or tolerance_q is None or p.ndim != 1 or axis not in (-1, 0):
        return None
    if p.shape != q.shape or not 0 < p.size <= UNIT_ENTRIES or not (p.flags.aligned and q.flags.aligned):
        return None
    results = np.empty((1, kernels.SUM_RESULTS))
    settings = _PLAIN_LOG if log else _PLAIN
    kernels.sum_probabilities(kernels.SUM_KINDS[kind], log, False, p, q, settings, results)
    value, _, _, sum_p, sum_q, least_p, least_q = results[0].tolist()
    good = (log or (least_p >= 0 and least_q >= 0)) and (
        abs(sum_p - 1) <= tolerance_p and abs(sum_q - 1) <= tolerance_q
    )
    return value if good else None


class Pairs:
    """Rows of p and q side by side: checked, cut into units, summed up.

    Parameters
    ----------
    p, q : array-like
        The arguments, of shapes that broadcast; the same object where there is only one.
    axis : int
        Axis of the outcomes.
    log : bool
        Whether they are logarithms.
    normalize : bool
        Whether to divide by the sums.
    nan_policy : {"raise", "propagate", "omit"}
        What to do with NaN.
    n_jobs : int or None
        Number of threads.
    names : sequence of str, default="pq"
        What messages call p and q.
    offered : sequence of str
        Options of the caller that messages may advise.

    Attributes
    ----------
    shape : tuple of int
        Shape of the results, without the axis.
    axis : int
        The axis, counted from the front.

    Raises
    ------
    ValueError
        If shapes or options are wrong.
    TypeError
        If an argument does not hold real numbers.
    """

    def __init__(
        self,
        p,
        q,
        *,
        axis,
        log,
        normalize,
        nan_policy,
        n_jobs,
        names="pq",
        offered=("log", "normalize", "nan_policy"),
    ):
        if nan_policy not in POLICIES:
            raise ValueError(f"nan_policy must be one of {', '.join(POLICIES)}, got {nan_policy!r}")
        single = p is q
        p = _as_numbers(p, names[0])
        q = p if single else _as_numbers(q, names[1])
        self._arguments = {names[0]: p} if single else {names[0]: p, names[1]: q}
        self._axis_given = axis
        self.axis, p, q = _align(p, q, axis)
        self.shape, self.n_entries = p.shape[:-1], p.shape[-1]
        self._n_rows = math.prod(self.shape)
        self._p, self._q = _merge_axes(p, q)
        self.log, self.omit = bool(log), nan_policy == "omit"
        self._normalize, self._nan_policy, self._n_jobs = normalize, nan_policy, n_jobs
        self._single, self._offered = single, offered

    def map(self, function):
        """Call ``function(rows, entries, p, q)`` for every unit and return ``[(rows, result), ..]``.

        `rows` and `entries` are slices; p and q have shape (rows, entries), and are float32 or float64.
        """

        def call(unit):
            outer, rows, entries = unit
            inner = slice(rows.start - outer[0], rows.stop - outer[0]), entries
            p = _as_floats(self._p[outer[1]][inner])
            q = p if self._single else _as_floats(self._q[outer[1]][inner])
            return rows, function(rows, entries, p, q)

        return map_units(call, self._units(), n_jobs=self._n_jobs, work=self._n_rows * self.n_entries)

    def _units(self):
        if self._n_rows == 0:
            return []
        *outer_shape, length = self._p.shape[:-1]
        step = max(1, UNIT_ENTRIES // self.n_entries)
        return [
            ((k * length, index), slice(first, min(first + step, (k + 1) * length)), slice(start, stop))
            for k, index in enumerate(np.ndindex(*outer_shape))
            for first in range(k * length, (k + 1) * length, step)
            for start in range(0, self.n_entries, UNIT_ENTRIES)
            for stop in (min(start + UNIT_ENTRIES, self.n_entries),)
        ]

    def sums(self, kind, settings, scales=None, shifts=None):
        """Return the results of the kernel for every row.

        `settings` is one line for all rows; `scales`, of shape (n_rows, 2), and `shifts`, (n_rows,), replace
        what stands there.
        """
        kind = kernels.SUM_KINDS[kind]

        def run(rows, entries, p, q):
            lines = np.broadcast_to(settings, (len(p), kernels.SUM_SETTINGS))
            if scales is not None or shifts is not None:
                lines = lines.copy()
            if scales is not None:
                lines[:, :2] = scales[rows]
            if shifts is not None:
                lines[:, 3] = shifts[rows]
            results = np.empty((len(p), kernels.SUM_RESULTS))
            kernels.sum_probabilities(kind, self.log, self.omit, p, q, lines, results)
            return results

        parts = self.map(run)
        results = np.empty((self._n_rows, kernels.SUM_RESULTS))
        if self.n_entries <= UNIT_ENTRIES:
            for rows, part in parts:
                results[rows] = part
        else:
            n_parts = -(-self.n_entries // UNIT_ENTRIES)
            for row in range(self._n_rows):
                columns = np.array([part[0] for _, part in parts[row * n_parts : (row + 1) * n_parts]]).T
                results[row] = [_add(column) for column in columns]
                results[row, _LARGEST] = columns[_LARGEST].max()
                results[row, [_LEAST_P, _LEAST_Q]] = columns[[_LEAST_P, _LEAST_Q]].min(axis=1)
        return results

    def checked_sums(self, kind, settings=None):
        """Return the results for arguments that have been checked, normalised where that is wanted.

        Returns
        -------
        results : ndarray of shape (n_rows, n_results)
            What the kernel says; NaN where `nan_policy` propagates one.
        scales : ndarray of shape (n_rows, 2) or None
            What normalises p and q: factors, or what is added to logarithms. None where nothing does.
        """
        settings = plain_settings() if settings is None else settings
        settings[:, :2] = 0.0 if self.log else 1.0
        scales = self._scales() if self._normalize else None
        results = self.sums(kind, settings, scales)
        missing = self._check(results, not self._normalize)
        if missing.any():
            results[missing] = np.nan
        return results, scales

    def _scales(self):
        """Return what makes the rows of p and q sum to one."""
        settings = np.zeros((1, kernels.SUM_SETTINGS))
        sums = self.sums("measure", settings)
        self._check(sums, False)
        if not self.log:
            totals = sums[:, [_SUM_P, _SUM_Q]]
            self._check_totals(totals, (totals > _LEAST_SUM) & (totals < _LARGEST_SUM))
            return 1 / totals
        highest = -sums[:, [_LEAST_P, _LEAST_Q]]
        self._check_totals(highest, np.isfinite(highest))
        totals = self.sums("measure", settings, -highest)[:, [_SUM_P, _SUM_Q]]
        return -(highest + np.log(totals))

    def _check_totals(self, totals, good):
        for column, name in enumerate(self._arguments):
            wrong = ~(good[:, column] | np.isnan(totals[:, column]))
            if wrong.any():
                row = int(np.argmax(wrong))
                what = "largest logarithm" if self.log else "sum"
                raise ValueError(
                    f"{name} cannot be normalised{self._place(row)}: its {what} is "
                    f"{totals[row, column]:.6g}; give entries with a positive, finite sum"
                )

    def _check(self, results, check_sums):
        """Raise what is wrong with p or q; return which rows hold NaN."""
        missing = np.zeros(len(results), dtype=bool)
        if check_sums and self._all_good(results):
            return missing
        for name, of_sum, of_least in zip(
            self._arguments, (_SUM_P, _SUM_Q), (_LEAST_P, _LEAST_Q), strict=False
        ):
            sums = results[:, of_sum]
            if not self.log and (results[:, of_least] < 0).any():
                index, value = self._find(name, lambda x: x < 0)
                raise ValueError(
                    f"{name}[{index}] is {value:.6g}: probabilities are not negative"
                    + "; for logarithms pass log=True" * ("log" in self._offered)
                )
            has_nan = np.isnan(sums)
            if has_nan.any() and self._nan_policy == "raise":
                index, _ = self._find(name, np.isnan)
                remedy = '; nan_policy="omit" leaves such entries out, "propagate" returns NaN'
                raise ValueError(f"{name}[{index}] is NaN" + remedy * ("nan_policy" in self._offered))
            missing |= has_nan
            if check_sums:
                self._check_sums(name, sums)
        return missing

    def _all_good(self, results):
        """Whether nothing can be wrong: a quick look at what nearly always is so."""
        if not self.log and results[:, [_LEAST_P, _LEAST_Q]].min(initial=0.0) < 0:
            return False
        tolerance = min(_TOLERANCES.get(x.dtype, _TIGHTEST) for x in self._arguments.values())
        return bool((np.abs(results[:, [_SUM_P, _SUM_Q]] - 1) <= tolerance).all())

    def _check_sums(self, name, sums):
        kind = self._arguments[name].dtype
        tolerance = math.sqrt(np.finfo(kind if kind.kind == "f" else np.float64).eps)
        wrong = ~(np.abs(sums - 1) <= tolerance) & ~np.isnan(sums)
        if wrong.any():
            rows = np.flatnonzero(wrong)
            listed = ", ".join(f"{sums[row]:.10g}{self._place(row)}" for row in rows[:3].tolist())
            more = f" (and {len(rows) - 3} more)" if len(rows) > 3 else ""
            remedy = "; pass normalize=True to divide by the sums" * ("normalize" in self._offered)
            raise ValueError(
                f"{'the exponentials of ' * self.log}{name} must sum to one along axis {self._axis_given}, "
                f"within {tolerance:.2g}, but sum to {listed}{more}{remedy}"
            )

    def _place(self, row):
        """Say where a row is among several."""
        return f" at {tuple(map(int, np.unravel_index(row, self.shape)))}" if self.shape else ""

    def _find(self, name, wrong):
        """Return the index, as text, and the value of the first wrong entry of an argument."""
        array = self._arguments[name]
        for first in range(0, array.size, UNIT_ENTRIES):
            part = array.flat[first : first + UNIT_ENTRIES]
            found = np.flatnonzero(wrong(part))
            if len(found):
                index = np.unravel_index(first + found[0], array.shape)
                return ", ".join(str(int(i)) for i in index), part[found[0]]
        raise AssertionError("the kernel found what is not there")  # pragma: no cover

    def shaped(self, values, keepdims):
        """Return one value a row in the shape of the result: a float where there is but one row."""
        if keepdims:
            return values.reshape(*self.shape[: self.axis], 1, *self.shape[self.axis :])
        return values.reshape(self.shape) if self.shape else float(values[0])


def _as_numbers(array, name):
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got an array of {array.dtype}")
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array of probabilities, got the single number {array}")
    return array


def _align(p, q, axis):
    """Return the axis counted from the front, and p and q broadcast, with that axis last."""
    single = p is q
    if p.shape == q.shape and axis == -1 and p.size:
        return p.ndim - 1, p, q
    try:
        shape = np.broadcast_shapes(p.shape, q.shape)
    except ValueError:
        shape = None
    if shape is not None:
        place = np.lib.array_utils.normalize_axis_index(axis, len(shape))
        lengths = {x.shape[place - len(shape)] for x in (p, q) if place - len(shape) >= -x.ndim}
        if len(lengths) > 1 or shape[place] not in lengths:
            shape = None
    if shape is None:
        raise ValueError(
            f"p of shape {p.shape} and q of shape {q.shape} do not fit: they must be as long as each other "
            f"along axis {axis}, and broadcast along the others"
        )
    if shape[place] == 0:
        raise ValueError(f"p has no entries along axis {axis}: its shape is {p.shape}")
    p = np.moveaxis(np.broadcast_to(p, shape), place, -1)
    return place, p, p if single else np.moveaxis(np.broadcast_to(q, shape), place, -1)


def _merge_axes(p, q):
    """Return views of p and q with as few axes before the last as their strides allow, and one at least."""
    if p.flags.c_contiguous and q.flags.c_contiguous and p.shape == q.shape:
        return p.reshape(-1, p.shape[-1]), q.reshape(-1, q.shape[-1])
    shape, strides = [], []
    for length, *steps in zip(p.shape[:-1], p.strides, q.strides, strict=False):
        if length == 1:
            continue
        if shape and strides[-1] == [step * length for step in steps]:
            shape[-1] *= length
            strides[-1] = steps
        else:
            shape.append(length)
            strides.append(steps)
    if not shape:
        shape, strides = [1], [[0, 0]]
    view = functools.partial(np.lib.stride_tricks.as_strided, writeable=False)
    rows = tuple(
        view(x, (*shape, x.shape[-1]), (*(steps[k] for steps in strides), x.strides[-1]))
        for k, x in enumerate((p, q))
    )
    return rows if q is not p else (rows[0], rows[0])


def _as_floats(part):
    """Return a part of an argument as the kernel reads it: copied where its type or order is another."""
    if part.dtype not in _KERNEL_TYPES or not part.flags.aligned:
        return np.ascontiguousarray(part, dtype=np.float64)
    if len(part) > 1 and 0 < abs(part.strides[0]) < abs(part.strides[1]):
        return np.ascontiguousarray(part)  # a column after the other would read every line of memory again
    return part


def _add(values):
    """Add the sums of the parts of a row, rounding once."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # infinities of both signs, or sums beyond the range
        return float(np.sum(values))
