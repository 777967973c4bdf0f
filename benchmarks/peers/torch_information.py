"""PyTorch: divergences from logarithms, as it wants them, and the rows of equal words."""

import numpy as np
import torch

from ._peer import Peer, Unsuitable, same


class Torch(Peer):
    name = "PyTorch"

    def divergence(self, problem, threads):
        p, q = map(torch.from_numpy, problem.arrays)
        return lambda: (p * torch.log(p / q)).sum(dim=-1), lambda answer: answer.numpy()

    def pairwise_divergence(self, problem, threads):
        p, q = map(torch.from_numpy, problem.arrays)
        call = lambda: torch.special.xlogy(p, p).sum(dim=1)[:, None] - p @ torch.log(q).T  # noqa: E731
        return call, lambda answer: answer.numpy()

    def distinct_rows(self, problem, threads):
        if problem.n_features != 64:
            raise Unsuitable("a row is no word")
        words = torch.from_numpy(problem.packed.view(np.int64).ravel())
        return lambda: torch.unique(words, return_counts=True)[1], lambda answer: answer.numpy()


class TorchKlDiv(Peer):
    """The loss function, given logarithms of q before the clock starts."""

    name = "PyTorch kl_div"

    def divergence(self, problem, threads):
        p, q = map(torch.from_numpy, problem.arrays)
        log_q = torch.log(q)

        def call():
            return torch.nn.functional.kl_div(log_q, p, reduction="none").sum(dim=-1)

        return call, lambda answer: same(answer).numpy()


PEERS = [Torch(), TorchKlDiv()]
