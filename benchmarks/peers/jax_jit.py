"""JAX: single precision, compiled, the gradient by automatic differentiation."""

import jax
import jax.numpy as jnp
import joblib
import numpy as np

from ._peer import SinglePrecision, Unsuitable


def _scores(W, b, X):
    z = X @ jnp.tril(W, -1).T + b
    return jnp.sum(X * z - jax.nn.softplus(z), axis=1)


_value_and_gradient = jax.jit(jax.value_and_grad(lambda W, b, X: _scores(W, b, X).sum(), argnums=(0, 1)))
_score_samples = jax.jit(_scores)
_gram = jax.jit(lambda X: X.T @ X)


class JaxJit(SinglePrecision):
    name = "JAX jit"

    def value_and_gradient(self, problem, threads):
        W, b, X = _arrays(problem, threads)

        def read(answer):
            value, gradients = answer
            return float(value), *(np.asarray(part, dtype=np.float64) for part in gradients)

        return lambda: jax.block_until_ready(_value_and_gradient(W, b, X)), read

    def score_samples(self, problem, threads):
        W, b, X = _arrays(problem, threads)
        return lambda: jax.block_until_ready(_score_samples(W, b, X)), np.asarray

    def gram(self, problem, threads):
        _, _, X = _arrays(problem, threads)
        return lambda: jax.block_until_ready(_gram(X)), np.asarray


def _arrays(problem, threads):
    if threads != joblib.effective_n_jobs(-1):
        raise Unsuitable("JAX takes all cores")
    return tuple(
        jnp.asarray(part, dtype=jnp.float32) for part in (problem.coef, problem.intercept, problem.X)
    )


PEERS = [JaxJit()]
