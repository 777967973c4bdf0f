"""Ordered maps over threads: order, errors, interrupts, forks; and random streams."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from fastmle import engine, kernels
from fastmle.engine import (
    RandomStreams,
    compiled_generators,
    effective_n_jobs,
    map_units,
    single_threaded_blas,
    split_evenly,
)


def run_python(code):
    """Run a script in a fresh interpreter in which warnings are errors; return what it printed."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


# Number of threads


def test_n_jobs_has_the_meaning_of_joblib():
    assert effective_n_jobs(None) == effective_n_jobs(1) == 1
    assert effective_n_jobs(3) == 3
    assert effective_n_jobs(np.int64(2)) == 2
    assert effective_n_jobs(-1) == joblib.cpu_count()
    assert effective_n_jobs(-2) == max(1, joblib.cpu_count() - 1)
    with joblib.parallel_config(n_jobs=3):
        assert effective_n_jobs(None) == 3
        assert effective_n_jobs(2) == 2
    assert effective_n_jobs(None) == 1


@pytest.mark.parametrize("work", [None, 1])
def test_no_jobs_at_all_is_an_error(work):
    with pytest.raises(ValueError, match=r"n_jobs must not be 0.*-1 for all processors"):
        map_units(abs, [1, 2], n_jobs=0, work=work)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_all_processors_means_those_of_the_affinity():
    code = """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        from fastmle.engine import effective_n_jobs
        print(effective_n_jobs(-1))
    """
    assert run_python(code).split() == ["1"]


def threads_used(n_units, *, patience, **options):
    """Return how many threads take part when every unit waits for all others to have begun."""
    barrier = threading.Barrier(n_units)

    def meet(_):
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(timeout=patience)
        return threading.get_ident()

    return len(set(map_units(meet, range(n_units), **options)))


def test_units_run_in_as_many_threads_as_were_asked_for():
    many = {"patience": 20, "work": engine.MIN_PARALLEL_WORK}
    assert threads_used(4, n_jobs=4, patience=20) == 4
    assert threads_used(4, n_jobs=4, **many) == 4
    assert threads_used(2, n_jobs=4, **many) == 2
    with joblib.parallel_config(n_jobs=2):
        assert threads_used(2, **many) == 2
    assert threads_used(2, n_jobs=1, patience=0.1) == threads_used(2, patience=0.1) == 1
    assert threads_used(2, n_jobs=2, patience=0.1, work=engine.MIN_PARALLEL_WORK - 1) == 1


# Maps


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 5, -1])
def test_results_stand_in_the_order_of_the_units(n_jobs, rng):
    pauses = rng.random(40) * 0.002

    def unit(i):
        time.sleep(pauses[i])
        return i * i

    assert map_units(unit, range(40), n_jobs=n_jobs) == [i * i for i in range(40)]
    assert map_units(unit, (i for i in range(3)), n_jobs=n_jobs) == [0, 1, 4]
    assert map_units(unit, [], n_jobs=n_jobs) == []


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_every_thread_has_one_workspace(n_jobs):
    made = []

    def workspace():
        made.append(threading.get_ident())
        return made[-1]

    def unit(_, scratch):
        time.sleep(0.001)
        assert scratch == threading.get_ident(), "the workspace of another thread"

    map_units(unit, range(30), n_jobs=n_jobs, workspace=workspace)
    assert len(made) == len(set(made)) <= n_jobs


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
def test_the_first_failing_unit_is_reported(n_jobs):
    finished = []

    def unit(i):
        time.sleep(0.02 if i == 3 else 0.001)  # the later failures are earlier in time
        if i in (3, 4, 5, 30):
            raise LookupError(f"unit {i}")
        finished.append(i)

    for _ in range(3):
        finished.clear()
        with pytest.raises(LookupError, match=r"unit 3$"):
            map_units(unit, range(200), n_jobs=n_jobs)
        assert {0, 1, 2} <= set(finished)
        assert 199 not in finished, "the others should have stopped"
        count = len(finished)
        time.sleep(0.03)
        assert len(finished) == count, "a unit ran on after the error"


@pytest.mark.parametrize("failing", ["caller", "helper"])
def test_an_error_in_a_workspace_is_raised(failing):
    caller = threading.get_ident()

    def workspace():
        if (threading.get_ident() == caller) == (failing == "caller"):
            raise MemoryError("no room for scratch")

    def unit(i, scratch):
        time.sleep(0.005)

    with pytest.raises(MemoryError, match="no room"):
        map_units(unit, range(10), n_jobs=2, workspace=workspace)
    assert map_units(abs, [-1, -2], n_jobs=2) == [1, 2]


def test_nothing_runs_on_when_a_thread_cannot_be_started(monkeypatch):
    class TwoAtMost:
        """A pool in a process that has reached its limit of threads."""

        def __init__(self, pool):
            self.pool, self.left = pool, 2

        def submit(self, *arguments):
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("can't start new thread")
            return self.pool.submit(*arguments)

    finished = []

    def unit(i):
        time.sleep(0.005)
        finished.append(i)
        return i

    with ThreadPoolExecutor(4) as threads:
        pool = TwoAtMost(threads)
        monkeypatch.setattr(engine, "_pool", lambda n_workers: pool)
        # Doing with the threads that there are, or giving up: both are right.
        try:
            assert map_units(unit, range(60), n_jobs=5) == list(range(60))
        except RuntimeError as error:
            assert "can't start new thread" in str(error)  # noqa: PT017
        count = len(finished)
        time.sleep(0.05)
        assert len(finished) == count, "units run on after map_units has been left"


def test_nested_maps_do_not_wait_for_each_other():
    def outer(i):
        return sum(map_units(lambda j: i * j, range(5), n_jobs=2))

    def outermost(k):
        return map_units(outer, range(4), n_jobs=2)

    result = []
    thread = threading.Thread(
        target=lambda: result.append(map_units(outermost, range(6), n_jobs=2)), daemon=True
    )
    thread.start()
    thread.join(timeout=20)
    assert result == [[[0, 10, 20, 30]] * 6], "deadlock" if thread.is_alive() else ""


def test_many_threads_may_map_at_once():
    def client(k):
        return map_units(lambda i: k * i, range(200), n_jobs=3)

    with ThreadPoolExecutor(4) as threads:
        for k, result in enumerate(threads.map(client, range(4))):
            assert result == [k * i for i in range(200)]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to send")
def test_an_interrupt_is_answered_at_once():
    # The script is in units of 20 ms until it gets SIGINT from us; the answer may take half a second.
    code = """
        import signal, sys, threading, time
        from fastmle.engine import map_units
        signal.signal(signal.SIGINT, signal.default_int_handler)
        running, lock = [0, 0], threading.Lock()

        def unit(i):
            with lock:
                running[0] += 1
            try:
                time.sleep(0.02)
            finally:
                with lock:
                    running[0] -= 1
                    running[1] += 1
            if i == 5:
                print("running", flush=True)

        try:
            map_units(unit, range(3000), n_jobs=2)
        except KeyboardInterrupt:
            state = list(running)
            print("interrupted", flush=True)
            time.sleep(0.1)
            assert state[0] == 0, "units were running"
            assert running == state, "units ran on"
            assert map_units(abs, [-1, 2, -3], n_jobs=2) == [1, 2, 3]
            print("usable")
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "running\n"
        time.sleep(0.01)  # into the middle of a unit
        sent = time.perf_counter()
        process.send_signal(signal.SIGINT)
        answer = process.stdout.readline()
        seconds = time.perf_counter() - sent
        rest, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (answer, rest, process.returncode) == ("interrupted\n", "usable\n", 0), errors
    assert seconds < 0.5


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer")
def test_an_interrupt_at_any_step_leaves_no_lock_behind():
    # With the locks of an executor this stood still after some ten to a thousand interrupts.
    code = """
        import random, signal, time
        from fastmle.engine import map_units

        def interrupt(*_):
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        random.seed(0)
        n_interrupts, stop = 0, time.monotonic() + 3
        while time.monotonic() < stop:
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, 1e-5 + random.random() * 2e-4)
                    for _ in range(100):
                        map_units(abs, range(-20, 0), n_jobs=2)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                n_interrupts += 1
            assert map_units(abs, [-1, 2, -3], n_jobs=2) == [1, 2, 3]
        assert n_interrupts > 100, n_interrupts
    """
    process = [sys.executable, "-c", textwrap.dedent(code)]
    subprocess.run(process, check=True, timeout=30, stdout=subprocess.DEVNULL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_maps_with_threads_of_its_own():
    code = """
        import os, threading, warnings
        from fastmle.engine import map_units

        def meet():
            barrier = threading.Barrier(2)
            map_units(lambda _: barrier.wait(timeout=10), range(2), n_jobs=2)

        meet()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python's, about forks and threads
            child = os.fork()
        if child == 0:
            try:
                meet()
            except threading.BrokenBarrierError:
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        meet()
        print("all met")
    """
    assert run_python(code).strip() == "all met"


# Parts


@pytest.mark.parametrize(("n_items", "n_parts"), [(0, 3), (1, 1), (7, 3), (3, 7), (64, 64), (1000, 33)])
def test_split_evenly(n_items, n_parts):
    parts = split_evenly(n_items, n_parts)
    sizes = [part.stop - part.start for part in parts]
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(n_items))
    assert len(parts) == min(n_items, n_parts)
    assert not sizes or max(sizes) - min(sizes) <= 1


# Random streams


def first_numbers(random_state, n_tiles):
    streams = RandomStreams(random_state)
    return [streams.generator(tile).random(4).tolist() for tile in range(n_tiles)]


SEEDS = [0, 1, 2**40, np.int64(3)]
GENERATORS = [lambda: np.random.default_rng(5), lambda: np.random.RandomState(5)]


@pytest.mark.parametrize("make", [*(lambda seed=seed: seed for seed in SEEDS), *GENERATORS])
def test_streams_come_back_and_do_not_depend_on_the_number_of_tiles(make):
    streams = first_numbers(make(), 7)
    assert first_numbers(make(), 7) == streams
    assert first_numbers(make(), 2) == streams[:2]
    assert len({tuple(stream) for stream in streams}) == 7


def test_streams_differ_between_seeds_and_between_draws():
    generators = [make() for make in GENERATORS]
    draws = [*SEEDS, None, None, *generators, *generators]
    starts = {tuple(first_numbers(random_state, 1)[0]) for random_state in draws}
    assert len(starts) == len(draws)


def test_streams_are_independent_of_the_global_state():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first_numbers(None, 2), first_numbers(3, 2)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("seed", [-1, "seed", 1.5])
def test_what_cannot_seed_is_refused(seed):
    with pytest.raises(ValueError, match=r"(?i)seed"):
        RandomStreams(seed)


def test_streams_of_the_compiled_generator_are_those_of_the_seed():
    streams, words = RandomStreams(3), np.empty(16, dtype=np.uint64)
    kernels.draw_words(streams.state(2, 5), words)
    again = np.empty(16, dtype=np.uint64)
    kernels.draw_words(compiled_generators(np.random.SeedSequence(3, spawn_key=(2, 5)))[0], again)
    assert words.tolist() == again.tolist()
    kernels.draw_words(streams.state(2, 6), again)
    assert not set(words.tolist()) & set(again.tolist())


# Linear algebra


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_has_one_thread_for_a_while():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        assert before, "no BLAS to test with"
        for error in (None, ZeroDivisionError):
            try:
                with single_threaded_blas():
                    assert set(blas_threads()) == {1}
                    if error:
                        raise error
            except ZeroDivisionError:
                pass
            assert blas_threads() == before


def test_blas_comes_back_after_overlapping_users():
    def n_threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = n_threads()
    first, second = single_threaded_blas(), single_threaded_blas()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(n_threads()) == {1}
    second.__exit__(None, None, None)
    assert n_threads() == before
