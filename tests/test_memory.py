"""Working memory: aligned, and lent again when the last view of it is gone."""

import threading

import numpy as np
from numpy.testing import assert_array_equal

from fastmle import memory
from fastmle.memory import aligned_memory

LARGE = 1 << 19


def address(array):
    return array.ctypes.data


def test_memory_is_aligned_and_of_the_shape_asked_for():
    for shape, dtype in (((3, 5), np.float32), ((700, 1000), np.float64), ((LARGE,), bool)):
        array = aligned_memory(*shape, dtype=dtype)
        assert array.shape == shape
        assert array.dtype == dtype
        assert address(array) % 64 == 0
        array[...] = 1


def test_large_memory_is_lent_again(monkeypatch):
    monkeypatch.setattr(memory, "_free", type(memory._free)())
    array = aligned_memory(LARGE, dtype=np.uint8)
    first = address(array)
    part = array[100:].reshape(2, -1).view(np.uint16)
    part[...] = 7
    del array  # a view is left
    other = aligned_memory(LARGE, dtype=np.uint8)
    assert address(other) != first
    other[...] = 0
    assert_array_equal(part, 7)
    del part
    assert address(aligned_memory(LARGE - 5000, dtype=np.uint8)) == first
    assert address(aligned_memory(LARGE // 8, dtype=np.uint8)) != first  # that would waste it


def test_only_so_much_memory_is_kept(monkeypatch):
    monkeypatch.setattr(memory, "_free", type(memory._free)())
    monkeypatch.setattr(memory, "_MOST_KEPT", 3 * LARGE)
    arrays = [aligned_memory(LARGE, dtype=np.uint8) for _ in range(5)]
    del arrays
    kept = sum(block.nbytes for block in memory._free)
    assert 0 < kept <= 3 * LARGE
    aligned_memory(4 * LARGE, dtype=np.uint8)  # too much alone
    assert sum(block.nbytes for block in memory._free) == kept


def test_threads_never_share_memory():
    problems = []

    def work(number):
        for step in range(300):
            array = aligned_memory(LARGE + 1000 * (step % 7), dtype=np.uint8)
            array[::4096] = number
            array[-1] = number
            if not (array[::4096] == number).all():
                problems.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
