"""This library, through its public functions."""

import warnings
from functools import partial

import numpy as np

from fastmle import FVSBN, BitMatrix, SeparationWarning, fvsbn_value_and_gradient

from ._peer import Curve, Peer, loosest, same


class Fastmle(Peer):
    name = "fastmle"

    def value_and_gradient(self, problem, threads):
        return _value_and_gradient(problem, threads, None)

    def score_samples(self, problem, threads):
        bits = BitMatrix.from_array(problem.X, n_jobs=threads)
        return partial(make_model(problem, threads).score_samples, bits), same

    def sample(self, problem, threads):
        return partial(make_model(problem, threads).sample, problem.n_samples, random_state=0), same

    def pack(self, problem, threads):
        return partial(BitMatrix.from_array, problem.X, n_jobs=threads), BitMatrix.to_array

    def gram(self, problem, threads):
        return partial(BitMatrix.from_array(problem.X, n_jobs=threads).gram, n_jobs=threads), same

    def fit(self, problem, threads):
        def fit(tol):
            model = FVSBN(alpha=problem.alpha, smoothing=0, tol=tol, n_jobs=threads)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SeparationWarning)  # constant columns are known
                return model.fit(problem.X)

        def read(model):
            return model.coef_, model.intercept_

        return partial(fit, loosest(problem, fit, read)), read

    def curve(self, problem, threads, seconds):
        curve = Curve(seconds)
        model = FVSBN(alpha=problem.alpha, smoothing=0, tol=1e-7, n_jobs=threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SeparationWarning)
            model.set_callbacks(_PassTimes(curve)).fit(problem.X)
        # The last passes are those heard of; the first value belongs to the start.
        curve.objective = (model.loss_curve_[1:] * problem.n_samples).tolist()
        return curve, (model.coef_, model.intercept_)


class _PassTimes:
    """Tells a curve the end of every pass; the objectives are in the model afterwards."""

    def __init__(self, curve):
        self._curve = curve

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "pass":
            self._curve.add(0.0)
        return self._curve.over


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
    call = partial(
        fvsbn_value_and_gradient, bits, problem.coef, problem.intercept, dtype=dtype, n_jobs=threads
    )
    return call, same


def make_model(problem, threads):
    """Return a model with the parameters of the problem."""
    model = FVSBN(n_jobs=threads).fit(np.eye(2, problem.n_features, dtype=np.uint8))
    model.coef_, model.intercept_ = problem.coef, problem.intercept
    return model


PEERS = [Fastmle(), FastmleDouble(), FastmleOneThread()]
