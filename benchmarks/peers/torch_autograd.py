"""PyTorch as its tutorials have it: single precision, the gradient by autograd."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ._peer import SinglePrecision


class TorchAutograd(SinglePrecision):
    name = "PyTorch autograd"

    def value_and_gradient(self, problem, threads):
        torch.set_num_threads(threads)
        X = torch.from_numpy(problem.X).float()
        W = torch.from_numpy(problem.coef).float().requires_grad_()
        b = torch.from_numpy(problem.intercept).float().requires_grad_()

        def call():
            W.grad = b.grad = None
            z = torch.addmm(b, X, torch.tril(W, -1).T)
            loss = binary_cross_entropy_with_logits(z, X, reduction="sum")
            loss.backward()
            return loss.detach(), W.grad, b.grad

        def read(answer):
            loss, grad_coef, grad_intercept = answer
            return -loss.item(), -grad_coef.double().numpy(), -grad_intercept.double().numpy()

        return call, read


PEERS = [TorchAutograd()]
