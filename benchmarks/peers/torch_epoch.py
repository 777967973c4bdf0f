"""An epoch of the FVSBN with PyTorch's fused AdamW, in single precision."""

import itertools

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ._peer import Peer


class _TorchEpoch(Peer):
    def epoch(self, problem, threads):
        torch.set_num_threads(threads)
        X = torch.from_numpy(problem.X).float().contiguous()
        n, d = X.shape
        start = torch.from_numpy(problem.start).float()
        generator = torch.Generator().manual_seed(0)

        def call():
            weights = [torch.zeros(shape) for shape in self.shapes(d)]
            intercept = start.clone()
            optimizer = torch.optim.AdamW(
                [*weights, intercept], lr=problem.learning_rate, weight_decay=0.0, fused=True
            )
            step = self.make_step(weights, intercept, problem.alpha / n)
            for rows in torch.randperm(n, generator=generator).split(problem.batch_size):
                step(X.index_select(0, rows))
                optimizer.step()
            return weights, intercept

        def read(answer):
            weights, intercept = answer
            coef = torch.zeros(d, d)
            first = 0
            for part in weights:
                coef[first : first + len(part), : part.shape[1]] = part.detach()
                first += len(part)
            return coef.double().numpy(), intercept.detach().double().numpy()

        return call, read


class TorchEpochAutograd(_TorchEpoch):
    """A dense matrix under a mask."""

    name = "PyTorch autograd"

    def shapes(self, d):
        return [(d, d)]

    def make_step(self, weights, intercept, decay):
        (W,) = weights
        W.requires_grad_()
        intercept.requires_grad_()

        def step(x):
            W.grad = intercept.grad = None
            z = torch.addmm(intercept, x, W.tril(-1).T)
            loss = binary_cross_entropy_with_logits(z, x, reduction="sum") / len(x)
            (loss + 0.5 * decay * W.square().sum()).backward()

        return step


class TorchEpochByHand(_TorchEpoch):
    """The gradient written out, its upper triangle set to zero, which keeps that of the weights there."""

    name = "PyTorch by hand"
    n_blocks = 1

    def shapes(self, d):
        edges = [d * k // self.n_blocks for k in range(self.n_blocks + 1)]
        return [(stop - start, stop) for start, stop in itertools.pairwise(edges)]

    def make_step(self, weights, intercept, decay):
        for part in (*weights, intercept):
            part.grad = torch.empty_like(part)

        @torch.no_grad()
        def step(x):
            for W in weights:
                height, stop = W.shape
                own = slice(stop - height, stop)
                before = x[:, :stop]
                residual = torch.addmm(intercept[own], before, W.T).sigmoid_().sub_(x[:, own])
                torch.sum(residual, dim=0, out=intercept.grad[own])
                torch.addmm(W, residual.T, before, beta=decay, alpha=1 / len(x), out=W.grad)
                W.grad[:, own].tril_(-1)
            intercept.grad.div_(len(x))

        return step


class TorchEpochTriangle(TorchEpochByHand):
    """The rows of the triangle in blocks, each as long as its longest."""

    name = "PyTorch by hand, triangle in blocks"
    n_blocks = 4


PEERS = [TorchEpochAutograd(), TorchEpochByHand(), TorchEpochTriangle()]
