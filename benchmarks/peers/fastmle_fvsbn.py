"""This library, through its public functions."""

import warnings
from functools import partial
from inspect import signature

import numpy as np

from fastmle import FVSBN, BitMatrix, SeparationWarning, fvsbn_value_and_gradient

from ._peer import Peer, same


class Fastmle(Peer):
    name = "fastmle"

    def value_and_gradient(self, problem, threads):
        return _value_and_gradient(problem, threads, np.float32)

    def score_samples(self, problem, threads):
        bits = BitMatrix.from_array(problem.X, n_jobs=threads)
        return partial(_model(problem, threads).score_samples, bits), same

    def sample(self, problem, threads):
        return partial(_model(problem, threads).sample, problem.n_samples, random_state=0), same

    def pack(self, problem, threads):
        return partial(BitMatrix.from_array, problem.X, n_jobs=threads), BitMatrix.to_array

    def gram(self, problem, threads):
        return partial(BitMatrix.from_array(problem.X, n_jobs=threads).gram, n_jobs=threads), same

    def fit(self, problem, threads):
        model = FVSBN(alpha=problem.alpha, smoothing=0, n_jobs=threads)

        def call():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SeparationWarning)  # constant columns are known
                return model.fit(problem.X)

        return call, lambda model: (model.coef_, model.intercept_)


class FastmleDouble(Peer):
    name = "fastmle float64"

    def value_and_gradient(self, problem, threads):
        return _value_and_gradient(problem, threads, np.float64)


class FastmleOneThread(Peer):
    """For peers that know one thread only."""

    name = "fastmle, one thread"

    def pack(self, problem, threads):
        return Fastmle().pack(problem, 1)


def _value_and_gradient(problem, threads, dtype):
    bits = BitMatrix.from_array(problem.X, n_jobs=threads)
    if "dtype" not in signature(fvsbn_value_and_gradient).parameters:
        return partial(fvsbn_value_and_gradient, bits, problem.coef, problem.intercept, n_jobs=threads), same
    call = partial(
        fvsbn_value_and_gradient, bits, problem.coef, problem.intercept, dtype=dtype, n_jobs=threads
    )
    return call, same


def _model(problem, threads):
    """Return a model with the parameters of the problem."""
    model = FVSBN(n_jobs=threads).fit(np.eye(2, problem.n_features, dtype=np.uint8))
    model.coef_, model.intercept_ = problem.coef, problem.intercept
    return model


PEERS = [Fastmle(), FastmleDouble(), FastmleOneThread()]
