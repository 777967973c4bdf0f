"""Ordered parallel maps over units of work, and the random streams of tiles.

Kernels are serial and release the GIL; a unit is a function call on one (row tile, column block), or shares
several of these with other calls. What is computed depends on the shape of the data alone, and results come
back in the order of the units, so that sums over them are the same bits whatever the number of threads.
"""

import contextlib
import functools
import itertools
import operator
import os
import queue
import threading

import joblib
import numpy as np
from sklearn.utils import check_random_state
from threadpoolctl import ThreadpoolController

from . import kernels

# Below this many elementary steps a pass is over before a second thread would have woken up.
MIN_PARALLEL_WORK = 200_000
# Generators that one seed sequence starts, where many are needed.
_GENERATORS_A_SEED = 16

_pools: dict[int, "_Pool"] = {}
_lock = threading.Lock()


def effective_n_jobs(n_jobs=None):
    """Return the number of threads to use, with joblib's meaning of `n_jobs`.

    Parameters
    ----------
    n_jobs : int or None, default=None
        None means 1 unless in a :func:`joblib.parallel_config` context; -1 means all processors that
        the CPU affinity and the cgroup quota of this process allow.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> from fastmle.engine import effective_n_jobs
    >>> effective_n_jobs(2)
    2
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0; use None or 1 for one thread, -1 for all processors")
    if n_jobs is not None and n_jobs > 0:
        return int(n_jobs)
    return joblib.effective_n_jobs(n_jobs)


def count_threads(n_jobs, work=None):
    """Return the number of threads that are worth while for so many elementary steps; None is many."""
    if n_jobs != 0 and work is not None and work < MIN_PARALLEL_WORK:
        # Small data: asking for the number of processors would take longer than the work.
        return 1
    return effective_n_jobs(n_jobs)


class _Pool:
    """Threads that call what they are handed.

    An executor takes locks in Python, and an interrupt of the calling thread can leave one of them held for
    ever; a SimpleQueue has none.
    """

    def __init__(self, n_workers):
        self._queue = queue.SimpleQueue()
        for number in range(n_workers):
            name = f"fastmle_{number}"
            threading.Thread(target=self._serve, args=(self._queue,), name=name, daemon=True).start()

    @staticmethod
    def _serve(jobs):
        while True:
            jobs.get()()

    def submit(self, job):
        self._queue.put(job)


def _pool(n_workers):
    """Return the process's pool of that size, started on first use."""
    with _lock:
        if n_workers not in _pools:
            _pools[n_workers] = _Pool(n_workers)
        return _pools[n_workers]


def _after_fork():
    # The threads of a parent process do not exist in a forked child.
    global _lock, _blas_users
    _lock = threading.Lock()
    _pools.clear()
    if _blas_users:  # the fits of the parent do not end here
        _blas_users = 0
        _blas_limit.restore_original_limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def map_units(function, units, *, n_jobs=None, workspace=None, work=None, interrupted=None):
    """Call `function` on every unit and return the results in the order of the units.

    The calling thread works too, and between two units it answers Ctrl-C: the other threads then
    finish the unit they are in, and the interrupt is raised.

    Parameters
    ----------
    function : callable
        ``function(unit)``, or ``function(unit, scratch)`` where `workspace` is given.
    units : sequence
        The units of work.
    n_jobs : int or None, default=None
        Number of threads, see :func:`effective_n_jobs`.
    workspace : callable or None, default=None
        Called once in every thread that takes part, to make the scratch memory of its calls.
    work : int or None, default=None
        Rough number of elementary steps of the whole map; a small one is not worth a thread.
    interrupted : threading.Event or None, default=None
        Set when an interrupt has come, for long units to look at: what they return then is not used.

    Returns
    -------
    list
        One result a unit.

    Raises
    ------
    Exception
        The error of the first unit that failed, after the other threads have stopped.

    Examples
    --------
    >>> from fastmle.engine import map_units
    >>> map_units(lambda i: i * i, range(5), n_jobs=2)
    [0, 1, 4, 9, 16]
    """
    units = list(units)
    n_threads = min(len(units), count_threads(n_jobs, work if len(units) > 1 else 0))
    if n_threads <= 1:
        arguments = () if workspace is None else (workspace(),)
        return [function(unit, *arguments) for unit in units]
    results = [None] * len(units)
    counter = itertools.count()
    stopped = []
    errors = []

    def run():
        i = len(units)
        try:
            arguments = () if workspace is None else (workspace(),)
            while not stopped and (i := next(counter)) < len(units):
                results[i] = function(units[i], *arguments)
        except Exception as error:
            stopped.append(True)
            errors.append((i, error))

    helpers = []
    try:
        for _ in range(n_threads - 1):
            helpers.append(_Helper(run))
            _pool(n_threads - 1).submit(helpers[-1].run)
        run()
        for helper in helpers:
            helper.wait()
    except BaseException:
        # An interrupt, perhaps: nothing may still be writing when this function is left.
        stopped.append(True)
        if interrupted is not None:
            interrupted.set()
        for helper in helpers:
            helper.wait()
        raise
    if errors:
        # Units are started in order, so the first of the failing ones has been tried for certain.
        raise min(errors, key=operator.itemgetter(0))[1]
    for helper in helpers:
        if helper.error is not None:
            raise helper.error
    return results


class _Helper:
    """What a thread of the pool does for a map.

    An interrupt may come between any two steps of the calling thread, so every step can be taken again.
    """

    def __init__(self, run):
        self.error = None
        self._run = run
        self._owner = {}
        self._done = False
        self._ended = threading.Lock()
        self._ended.acquire()

    def _is_taken_by(self, who):
        return self._owner.setdefault("owner", who) == who  # the first one who asks; a single step

    def run(self):
        if not self._is_taken_by("helper"):
            return
        try:
            self._run()
        except BaseException as error:
            self.error = error
        finally:
            self._done = True
            self._ended.release()

    def wait(self):
        """Wait for the end if it has begun; if not, it will do nothing."""
        if self._is_taken_by("caller"):
            return
        while not self._done:
            self._ended.acquire(timeout=1.0)


@functools.cache
def _blas():
    return ThreadpoolController().select(user_api="blas")


_blas_users = 0
_blas_limit = None


@contextlib.contextmanager
def single_threaded_blas():
    """Let linear algebra libraries use one thread while the context lasts.

    Their idle threads spin for a while after each call and would take the processors from the passes
    over the data; results also stay independent of how many threads they have. The setting is one of
    the process: of several users at a time the first makes it, and the last restores what was before.
    """
    global _blas_users, _blas_limit
    with _lock:
        if _blas_users == 0:
            _blas_limit = _blas().limit(limits=1)
        _blas_users += 1
    try:
        yield
    finally:
        with _lock:
            _blas_users -= 1
            if _blas_users == 0:
                _blas_limit.restore_original_limits()


def split_evenly(n_items, n_parts):
    """Return at most `n_parts` consecutive, non-empty slices that cover ``range(n_items)``.

    Examples
    --------
    >>> from fastmle.engine import split_evenly
    >>> split_evenly(7, 3)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 7, None)]
    """
    n_parts = min(n_items, n_parts)
    edges = [n_items * part // n_parts for part in range(n_parts + 1)] if n_parts else [0]
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]


class RandomStreams:
    """Independent streams of random numbers, keyed by a seed and the index of a tile or block.

    Parameters
    ----------
    random_state : None, int, numpy.random.SeedSequence, Generator or RandomState
        The seed; a generator or RandomState is drawn from once.

    Attributes
    ----------
    entropy : int or list of int
        What the seed came to: equal entropies give equal streams.

    Raises
    ------
    ValueError
        If `random_state` is none of these.

    Examples
    --------
    >>> from fastmle.engine import RandomStreams
    >>> streams = RandomStreams(0)
    >>> float(streams.generator(7).random()) == float(RandomStreams(0).generator(7).random())
    True
    """

    def __init__(self, random_state):
        if isinstance(random_state, np.random.Generator):
            entropy = random_state.integers(2**32, size=4).tolist()
        elif isinstance(random_state, np.random.SeedSequence):
            entropy = random_state.generate_state(4).tolist()
        elif isinstance(random_state, (int, np.integer)) and random_state >= 0:
            entropy = int(random_state)
        elif random_state is None:
            entropy = np.random.SeedSequence().entropy
        else:
            entropy = check_random_state(random_state).randint(2**31, size=4).tolist()
        self.entropy = entropy

    def sequence(self, *index):
        """Return the seed sequence of a stream; an index of several numbers names a stream of streams."""
        return np.random.SeedSequence(self.entropy, spawn_key=index)

    def generator(self, *index):
        """Return NumPy's generator over a stream."""
        return np.random.Generator(np.random.SFC64(self.sequence(*index)))

    def state(self, *index):
        """Return the state of the compiled generator of the kernels at the start of a stream."""
        return compiled_generators(self.sequence(*index))[0]

    def states(self, n_streams):
        """Return the states of many generators, of which the first do not depend on their number.

        One seed sequence, which takes its time, starts sixteen of them: with stream k of this object the
        sixteen from 16 k on.
        """
        states = np.empty((n_streams, 32), dtype=np.uint64)
        for number, first in enumerate(range(0, n_streams, _GENERATORS_A_SEED)):
            part = states[first : first + _GENERATORS_A_SEED]
            part[:] = compiled_generators(self.sequence(number), len(part))
        return states


def compiled_generators(sequence, n_generators=1):
    """Return the states of compiled generators that a seed sequence starts.

    Parameters
    ----------
    sequence : numpy.random.SeedSequence
        The seed.
    n_generators : int, default=1
        How many, of which the first do not depend on this.

    Returns
    -------
    ndarray of uint64, shape (n_generators, 32)
        A row for each, for `kernels.draw_words` and the fills, which change it.
    """
    states = np.empty((n_generators, 32), dtype=np.uint64)
    kernels.start_generators(sequence.generate_state(3, np.uint64), states)
    return states
