"""An epoch of the FVSBN, and NADE: this library's estimators, and what one of their steps calls."""

from functools import partial

import numpy as np

from fastmle import FVSBN, NADE, BitMatrix
from fastmle.network import Gradient, Shape

from ._peer import Peer, same


class FastmleStochastic(Peer):
    name = "fastmle"

    def epoch(self, problem, threads):
        bits = BitMatrix.from_array(problem.X, n_jobs=threads)
        model = FVSBN(
            solver="adamw",
            alpha=problem.alpha,
            learning_rate=problem.learning_rate,
            batch_size=problem.batch_size,
            max_epochs=1,
            schedule="constant",
            average=False,  # as other peers: the last iterate is the answer
            n_jobs=threads,
            random_state=0,
        )
        return partial(model.fit, bits), lambda model: (model.coef_, model.intercept_)


class FastmleNetwork(Peer):
    name = "fastmle"

    def network_gradient(self, problem, threads):
        """What a step of NADE calls for its gradient, parameters in the form in which it keeps them."""
        bits = BitMatrix.from_array(problem.X, n_jobs=threads)
        shape = Shape(problem.n_features, problem.n_hidden)
        gradient = Gradient(shape, "sigmoid", n_jobs=threads)
        call = partial(gradient, bits, shape.pack(*problem.network))
        return call, lambda answer: (answer[0], shape.unpack(answer[1]))

    def network_sample(self, problem, threads):
        rows = np.eye(2, problem.n_features, dtype=np.uint8)
        model = NADE(problem.n_hidden, max_epochs=1, n_jobs=threads).fit(rows)
        model.output_weights_, model.intercept_ = problem.network[:2]
        model.input_weights_, model.hidden_intercept_ = problem.network[2:]
        return partial(model.sample, problem.n_samples, random_state=0), same


PEERS = [FastmleStochastic(), FastmleNetwork()]
