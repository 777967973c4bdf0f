"""PyTorch's solvers on the whole table at once, with the quicker of its gradients, in single precision."""

import contextlib
import math

import torch

from ._peer import Curve, SinglePrecision
from .torch_by_hand import loss_and_gradient


class _Solver(SinglePrecision):
    def curve(self, problem, threads, seconds):
        torch.set_num_threads(threads)
        call, _ = loss_and_gradient(problem)
        share = torch.from_numpy(problem.X.mean(axis=0)).float()
        W = torch.zeros(problem.n_features, problem.n_features, requires_grad=True)
        # Constant columns are as good as solved with a logit of 30.
        b = torch.logit(share).clamp_(-30, 30).requires_grad_()
        torch.optim.SGD([torch.zeros(1)])  # the first solver imports a good deal
        curve = Curve(seconds)

        def closure():
            """Return the objective a row: a scale for which steps of length one are about right."""
            loss, W.grad, b.grad = call(W.detach(), b.detach())
            W.grad = W.grad.tril_(-1).add_(W.detach(), alpha=problem.alpha).div_(problem.n_samples)
            b.grad.div_(problem.n_samples)
            objective = float(loss) + 0.5 * problem.alpha * float(W.detach().square().sum())
            curve.add(objective)
            if curve.over:
                raise _TimeIsUp
            return objective / problem.n_samples

        with contextlib.suppress(_TimeIsUp):
            self._run([W, b], closure, lambda: min(1.0, curve.elapsed / seconds))
        return curve, (W.detach().double().numpy(), b.detach().double().numpy())


class _TimeIsUp(Exception):
    pass


class TorchLBFGS(_Solver):
    name = "PyTorch L-BFGS"

    def _run(self, parameters, closure, progress):
        solver = torch.optim.LBFGS(
            parameters,
            max_iter=100000,
            history_size=20,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )
        solver.step(closure)


class TorchAdam(_Solver):
    """With a learning rate that falls from `rate` to zero, as a cosine, over the time that there is."""

    def __init__(self, rate):
        self.name = f"PyTorch Adam, rate {rate:g}"
        self._rate = rate

    def _run(self, parameters, closure, progress):
        solver = torch.optim.Adam(parameters, lr=self._rate)
        while True:
            for group in solver.param_groups:
                group["lr"] = self._rate * 0.5 * (1 + math.cos(math.pi * progress()))
            solver.step(closure)


PEERS = [TorchLBFGS(), TorchAdam(0.03), TorchAdam(0.1)]
