"""What peers that go through two arrays block by block share."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ._peer import Unsuitable

# Numbers of a block: three of them stay in the second-level cache.
BLOCK = 2**15


def sum_in_threads(sum_rows, p, q, threads):
    """Return a call that sums up the rows of two arrays, block by block, in threads.

    ``sum_rows(p, q, room)`` returns the sums of some rows; `room` has their shape. A single row is cut into
    pieces whose sums are added.
    """
    single = p.ndim == 1
    if p.size < 2 * BLOCK:
        raise Unsuitable("one block is all there is")
    if single:
        length = BLOCK
        whole = len(p) - len(p) % length
        p_rows, q_rows = p[:whole].reshape(-1, length), q[:whole].reshape(-1, length)
    else:
        length, whole, p_rows, q_rows = p.shape[1], len(p), p, q
    n_rows = max(1, BLOCK // length)
    edges = np.linspace(0, len(p_rows), threads + 1).astype(int)
    rooms = np.empty((threads, n_rows, length))
    out = np.empty(len(p_rows))
    pool = ThreadPoolExecutor(threads)

    def work(k):
        for start in range(edges[k], edges[k + 1], n_rows):
            part = slice(start, min(start + n_rows, edges[k + 1]))
            out[part] = sum_rows(p_rows[part], q_rows[part], rooms[k, : part.stop - part.start])

    def call():
        list(pool.map(work, range(threads)))
        if not single:
            return out
        rest = sum_rows(p[None, whole:], q[None, whole:], np.empty((1, len(p) - whole)))
        return out.sum() + rest[0]

    return call
