"""One file a peer, all with the same signatures (`_peer.py`); ``PEERS`` of a file lists what it offers."""

import functools
import importlib

from ._peer import Peer, SinglePrecision, Unsuitable, same

__all__ = ["FILES", "Peer", "SinglePrecision", "Unsuitable", "load_peers", "same"]

# Ours come first: other peers are compared with the first one that solves a problem.
FILES = (
    "fastmle_fvsbn",
    "fastmle_expectation",
    "fastmle_information",
    "fastmle_stochastic",
    "numpy_arrays",
    "torch_autograd",
    "torch_by_hand",
    "torch_solvers",
    "jax_jit",
    "numba_loops",
    "scipy_sparse",
    "sklearn_columns",
    "sklearn_rbm",
    "numpy_averages",
    "torch_averages",
    "jax_averages",
    "numba_averages",
    "vegas_integrator",
    "numpy_information",
    "scipy_information",
    "torch_information",
    "numba_information",
    "table_engines",
    "numpy_stochastic",
    "torch_epoch",
    "torch_network",
)


@functools.cache
def load_peers():
    """Return the peers whose packages are installed, and a dict of the missing files' reasons."""
    peers, missing = [], {}
    for file in FILES:
        try:
            peers += importlib.import_module(f".{file}", __name__).PEERS
        except ModuleNotFoundError as error:
            missing[file] = str(error)
    return peers, missing
