"""PyTorch without autograd: the formulas written out, in place, rows in blocks that stay in the cache.

With u = (1 - 2x) z the loss of an entry is softplus(u) and its derivative in z is (1 - 2x) sigmoid(u).
"""

import torch
from torch.nn.functional import softplus

from ._peer import SinglePrecision, same

# Entries of a block of rows: 4 MB each of logits and losses.
_BLOCK = 2**20


class TorchByHand(SinglePrecision):
    name = "PyTorch by hand"

    def value_and_gradient(self, problem, threads):
        torch.set_num_threads(threads)
        call, read = loss_and_gradient(problem)

        def read_signed(answer):
            loss, grad_coef, grad_intercept = (part.double().numpy() for part in read(answer))
            return -float(loss), -grad_coef, -grad_intercept

        return call, read_signed

    def score_samples(self, problem, threads):
        torch.set_num_threads(threads)
        X, W, b = _tensors(problem)
        sign = 1 - 2 * X
        Wt = W.T.contiguous()
        height = max(1, _BLOCK // X.shape[1])
        z = torch.empty(height, X.shape[1])
        scores = torch.empty(len(X))

        @torch.inference_mode()
        def call():
            for start in range(0, len(X), height):
                rows = slice(start, min(start + height, len(X)))
                u = z[: rows.stop - rows.start]
                torch.addmm(b, X[rows], Wt, out=u)
                torch.sum(softplus(u.mul_(sign[rows])), dim=1, out=scores[rows])
            return scores.neg()

        return call, torch.Tensor.numpy

    def sample(self, problem, threads):
        """Column by column; a column's draws lie side by side, as the products need them."""
        torch.set_num_threads(threads)
        _, W, b = _tensors(problem)
        generator = torch.Generator().manual_seed(0)

        @torch.inference_mode()
        def call():
            drawn = torch.zeros(problem.n_features, problem.n_samples)
            for i in range(problem.n_features):
                p = torch.sigmoid_(torch.mv(drawn[:i].T, W[i, :i]).add_(b[i]))
                torch.bernoulli(p, generator=generator, out=drawn[i])
            return drawn

        return call, lambda drawn: drawn.T.numpy()

    def gram(self, problem, threads):
        torch.set_num_threads(threads)
        X = torch.from_numpy(problem.X).float()
        return torch.inference_mode()(lambda: X.T @ X), torch.Tensor.numpy


def _tensors(problem):
    X = torch.from_numpy(problem.X).float()
    return X, torch.from_numpy(problem.coef).float(), torch.from_numpy(problem.intercept).float()


def loss_and_gradient(problem):
    """Return ``call(W=..., b=...)`` for the summed loss and its gradient, and the `read` of its answer."""
    X, W0, b0 = _tensors(problem)
    sign = 1 - 2 * X
    d = X.shape[1]
    height = max(1, _BLOCK // d)
    buffer = torch.empty(height, d)

    @torch.no_grad()
    def call(W=W0, b=b0):
        Wt = W.tril(-1).T
        loss, grad_coef, grad_intercept = torch.zeros(()), torch.zeros(d, d), torch.zeros(d)
        for start in range(0, len(X), height):
            rows = slice(start, min(start + height, len(X)))
            x, s, u = X[rows], sign[rows], buffer[: rows.stop - rows.start]
            torch.addmm(b, x, Wt, out=u)
            loss += softplus(u.mul_(s)).sum()
            u.sigmoid_().mul_(s)
            grad_coef.addmm_(u.T, x)
            grad_intercept += u.sum(dim=0)
        return loss, grad_coef, grad_intercept

    return call, same


PEERS = [TorchByHand()]
