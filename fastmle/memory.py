"""Working memory that begins where a cache line does.

Large blocks are lent again: to return them to the system and to ask anew costs a page fault every 4 KB, which
on a virtual machine can take longer than the work that is done in them.
"""

import collections
import ctypes
import weakref

import numpy as np

# Bytes from which on a block is kept, and how many of them wait to be used again.
_LARGE, _MOST_KEPT = 1 << 18, 1 << 25

_free = collections.deque()


def aligned_memory(*shape, dtype):
    """Return an array of that shape, whose numbers are anything: vector loads never straddle two cache lines.

    Examples
    --------
    >>> from fastmle.memory import aligned_memory
    >>> numbers = aligned_memory(3, 16, dtype="float32")
    >>> numbers.shape, numbers.ctypes.data % 64
    ((3, 16), 0)
    """
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = _lend(n_bytes + 64) if n_bytes >= _LARGE else np.empty(n_bytes + 64, dtype=np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def _lend(n_bytes):
    """Return a block that goes back when the last view of it is gone."""
    for _ in range(len(_free)):
        try:
            block = _free.popleft()
        except IndexError:  # another thread was faster
            break
        if n_bytes <= block.nbytes <= 2 * n_bytes:
            return _lease(block)
        _free.append(block)
    return _lease(np.empty(n_bytes, dtype=np.uint8))


def _lease(block):
    # Views of an array hold on to the object that its memory came from: this one, of which nobody else knows.
    lease = (ctypes.c_uint8 * block.nbytes).from_buffer(block)
    weakref.finalize(lease, _take_back, block).atexit = False
    return np.frombuffer(lease, dtype=np.uint8)


def _take_back(block):
    if block.nbytes > _MOST_KEPT:
        return
    _free.append(block)
    while sum(kept.nbytes for kept in _free.copy()) > _MOST_KEPT:
        try:
            _free.popleft()
        except IndexError:
            break
