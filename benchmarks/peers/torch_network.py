"""NADE with PyTorch: the loop over variables, and blocks of columns.

Where gradients are written out, columns are gone through from the last to the first: the state of the hidden
units before a column is that after it less its input weights, so nothing need be kept from a pass forwards.
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ._peer import Peer, SinglePrecision


class _TorchGradient(SinglePrecision):
    def network_gradient(self, problem, threads):
        torch.set_num_threads(threads)
        loss_and_gradient = self.prepare(
            torch.from_numpy(problem.X).float().contiguous(), *_tensors(problem.network)
        )

        def read(answer):
            loss, gradient = answer
            return -float(loss), tuple(-part.double().numpy() for part in gradient)

        return loss_and_gradient, read


class TorchLoopAutograd(_TorchGradient):
    """As NADE is mostly written: a step a variable, the gradient by autograd."""

    name = "PyTorch loop, autograd"

    def prepare(self, X, *network):
        columns = X.T.contiguous()
        leaves = [part.requires_grad_() for part in network]

        def call():
            for leaf in leaves:
                leaf.grad = None
            V, b, W, c = leaves
            a = c.expand(len(X), -1)
            logits = []
            for x, v, w in zip(columns, V.unbind(), W.unbind(), strict=True):
                logits.append(torch.mv(torch.sigmoid(a), v))
                a = torch.addcmul(a, x[:, None], w)
            z = torch.stack(logits) + b[:, None]
            loss = binary_cross_entropy_with_logits(z, columns, reduction="sum")
            loss.backward()
            return loss.detach(), [leaf.grad for leaf in leaves]

        return call


class TorchLoop(_TorchGradient):
    name = "PyTorch loop, by hand"

    def prepare(self, X, V, b, W, c):
        columns = X.T.contiguous()
        (d, n), n_hidden = columns.shape, len(c)
        hidden, passed = torch.empty(2, n, n_hidden)

        @torch.no_grad()
        def call():
            grad_V, grad_W, logits, residuals = (torch.empty_like(part) for part in (V, W, columns, columns))
            a = torch.addmm(c, X, W)
            back = torch.zeros(n, n_hidden)
            for i in reversed(range(d)):
                x, v, residual = columns[i], V[i], residuals[i]
                torch.mv(back.T, x, out=grad_W[i])
                a.addr_(x, W[i], alpha=-1)
                torch.sigmoid(a, out=hidden)
                torch.add(torch.mv(hidden, v), b[i], out=logits[i])
                torch.sigmoid(logits[i], out=residual).sub_(x)
                torch.mv(hidden.T, residual, out=grad_V[i])
                torch.outer(residual, v, out=passed)
                back.add_(passed.mul_(hidden)).addcmul_(passed, hidden, value=-1)
            loss = binary_cross_entropy_with_logits(logits, columns, reduction="sum")
            return loss, (grad_V, residuals.sum(dim=1), grad_W, back.sum(dim=0))

        return call


class TorchBlocks(_TorchGradient):
    """The states before all columns of a block at once: cumulative sums, taken by products with triangles.

    Rows go in blocks too, so that what a block needs stays in the caches.
    """

    name = "PyTorch blocks"
    n_columns, n_rows = 16, 64

    def prepare(self, X, V, b, W, c):
        d, n_hidden, width = len(b), len(c), self.n_columns
        earlier = torch.tril(torch.ones(width, width), -1)
        room = torch.empty(2, self.n_rows * width * n_hidden)

        @torch.no_grad()
        def call():
            grad_V, grad_b, grad_W, grad_c = (torch.zeros_like(part) for part in (V, b, W, c))
            loss = torch.zeros(())
            for rows in X.split(self.n_rows):
                a = torch.addmm(c, rows, W)
                back = torch.zeros_like(a)
                for first in reversed(range(0, d, width)):
                    own = slice(first, first + width)
                    x, v = rows[:, own], V[own]
                    m, k = x.shape
                    grad_W[own].addmm_(x.T, back)
                    a.addmm_(x, W[own], alpha=-1)
                    before = (x[:, None] * earlier[:k, :k]).view(m * k, k)
                    hidden, passed = (part[: m * k * n_hidden].view(m, k, n_hidden) for part in room)
                    torch.mm(before, W[own], out=hidden.view(m * k, n_hidden))
                    hidden.add_(a[:, None]).sigmoid_()
                    by_column = hidden.transpose(0, 1)
                    z = torch.bmm(by_column, v[:, :, None])[:, :, 0].T + b[own]
                    loss += binary_cross_entropy_with_logits(z, x, reduction="sum")
                    residual = torch.sigmoid_(z).sub_(x)
                    grad_b[own] += residual.sum(dim=0)
                    grad_V[own] += torch.bmm(residual.T[:, None], by_column)[:, 0]
                    torch.addcmul(hidden, hidden, hidden, value=-1, out=passed)
                    passed.mul_(v).mul_(residual[:, :, None])
                    grad_W[own].addmm_(before.T, passed.view(m * k, n_hidden))
                    back += passed.sum(dim=1)
                grad_c += back.sum(dim=0)
            return loss, (grad_V, grad_b, grad_W, grad_c)

        return call


class TorchStates(_TorchGradient):
    """Blocks of columns, in which each distinct state of a row, one more than it has bits, is there once.

    All of it is products of matrices: with the states' bits, with all columns of the block, of whose logits
    each row picks its own. Which state belongs to which column is worked out before the clock starts.
    """

    name = "PyTorch blocks of states"
    n_columns = 16

    def prepare(self, X, V, b, W, c):
        d = X.shape[1]
        blocks = [_states(X[:, first : first + self.n_columns]) for first in range(0, d, self.n_columns)]

        @torch.no_grad()
        def call():
            grad_V, grad_b, grad_W = (torch.empty_like(part) for part in (V, b, W))
            loss = torch.zeros(())
            a = torch.addmm(c, X, W)
            back = torch.zeros_like(a)
            first = d
            for x, rows, before, state in reversed(blocks):
                first -= x.shape[1]
                own = slice(first, first + x.shape[1])
                w, v = W[own], V[own]
                torch.mm(x.T, back, out=grad_W[own])
                a.addmm_(x, w, alpha=-1)
                hidden = a.index_select(0, rows).addmm_(before, w).sigmoid_()
                z = torch.mm(hidden, v.T).gather(0, state).add_(b[own])
                loss += binary_cross_entropy_with_logits(z, x, reduction="sum")
                residual = torch.sigmoid_(z).sub_(x)
                torch.sum(residual, dim=0, out=grad_b[own])
                residual = torch.zeros(len(rows), x.shape[1]).scatter_(0, state, residual)
                torch.mm(residual.T, hidden, out=grad_V[own])
                passed = torch.mm(residual, v).mul_(hidden.addcmul_(hidden, hidden, value=-1))
                grad_W[own].addmm_(before.T, passed)
                back.index_add_(0, rows, passed)
            return loss, (grad_V, grad_b, grad_W, back.sum(dim=0))

        return call


def _states(x):
    """Return the columns, the row of each of their states, its bits, and the state before each entry."""
    x = x.contiguous()
    so_far = x.cumsum(dim=1)
    n_states = so_far[:, -1].long() + 1
    first = n_states.cumsum(dim=0) - n_states
    rows = torch.repeat_interleave(n_states)
    number = torch.arange(len(rows)) - first[rows]
    before = x[rows] * (so_far[rows] <= number[:, None])
    return x, rows, before, first[:, None] + (so_far - x).long()


class TorchSampleLoop(Peer):
    name = "PyTorch loop"

    def network_sample(self, problem, threads):
        torch.set_num_threads(threads)
        V, b, W, c = _tensors(problem.network)
        generator = torch.Generator().manual_seed(0)
        hidden = torch.empty(problem.n_samples, problem.n_hidden)

        @torch.inference_mode()
        def call():
            a = c.repeat(problem.n_samples, 1)
            drawn = torch.empty(problem.n_features, problem.n_samples)
            for i in range(problem.n_features):
                torch.sigmoid(a, out=hidden)
                p = torch.mv(hidden, V[i]).add_(b[i]).sigmoid_()
                torch.bernoulli(p, generator=generator, out=drawn[i])
                a.addr_(drawn[i], W[i])
            return drawn

        return call, lambda drawn: drawn.T.numpy()


class TorchSampleStates(Peer):
    """Hidden units are computed anew only in the rows whose bit is set."""

    name = "PyTorch loop, changed rows"

    def network_sample(self, problem, threads):
        torch.set_num_threads(threads)
        V, b, W, c = _tensors(problem.network)
        generator = torch.Generator().manual_seed(0)

        @torch.inference_mode()
        def call():
            a = c.repeat(problem.n_samples, 1)
            hidden = torch.sigmoid(a)
            drawn = torch.empty(problem.n_features, problem.n_samples)
            for i in range(problem.n_features):
                p = torch.mv(hidden, V[i]).add_(b[i]).sigmoid_()
                torch.bernoulli(p, generator=generator, out=drawn[i])
                rows = drawn[i].nonzero()[:, 0]
                own = a.index_select(0, rows).add_(W[i])
                a.index_copy_(0, rows, own)
                hidden.index_copy_(0, rows, own.sigmoid_())
            return drawn

        return call, lambda drawn: drawn.T.numpy()


def _tensors(network):
    return tuple(torch.from_numpy(part).float() for part in network)


PEERS = [
    TorchLoopAutograd(),
    TorchLoop(),
    TorchBlocks(),
    TorchStates(),
    TorchSampleLoop(),
    TorchSampleStates(),
]
