"""What peers that average draws share: work in threads, and processes in which nothing is compiled yet."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def average_in_threads(workers, n_samples, size=None, initializer=None):
    """Return a call that averages n samples, as many in each worker's thread.

    ``worker(n)`` returns a sum over n draws of its own generator. With `size` it is asked for so many at a
    time, as what it has room for.
    """
    threads = len(workers)
    shares = [n_samples * (k + 1) // threads - n_samples * k // threads for k in range(threads)]
    pool = ThreadPoolExecutor(threads, initializer=initializer)

    def work(worker, n):
        step = size or n
        return sum(worker(min(step, n - start)) for start in range(0, n, step))

    return lambda: sum(pool.map(work, workers, shares)) / n_samples


def only_mean(mean):
    """The `read` of a peer that has no standard error."""
    return float(mean), None


class FreshProcess:
    """A call in a new Python process: `prepare` starts it and makes its imports, the call runs the rest.

    Parameters
    ----------
    imports : str
        Python code that is not timed.
    rest : str
        Python code that prints one line, which is what the call returns.
    """

    def __init__(self, imports, rest):
        # Taking down what the imports set up is left out, as they are.
        last = "sys.stdout.flush(); os._exit(0)"
        first = "import os, sys"
        self._code = "\n".join([first, imports, "print('ready', flush=True)", "input()", rest, last])

    def prepare(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the process did not get through its imports")

    def __call__(self):
        return self._process.communicate("\n")[0]
