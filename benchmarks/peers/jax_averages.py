"""JAX's averages of draws: one expression each, single precision, compiled."""

from functools import partial

import jax
import jax.numpy as jnp
import joblib

from ._averages import FreshProcess, only_mean
from ._peer import Peer, Unsuitable

_IMPORTS = "import jax\nimport jax.numpy as jnp\njax.devices()"
_FIRST = """
average = jax.jit(lambda key: jnp.exp(-jax.random.normal(key, {n_samples}) ** 2).mean())
print(average(jax.random.key(0)))
"""


@partial(jax.jit, static_argnums=1)
def _normal(key, n):
    return jnp.exp(-(jax.random.normal(key, n) ** 2)).mean()


@partial(jax.jit, static_argnums=1)
def _circle(key, n):
    x, y = jax.random.uniform(key, (2, n))
    return (x * x + y * y < 1).sum() / n


@partial(jax.jit, static_argnums=(1, 2, 3))
def _cube(key, n, d, rate):
    x = jax.random.uniform(key, (d, n))
    return jnp.exp(-rate * ((x - 0.5) ** 2).sum(axis=0)).mean()


class JaxAverages(Peer):
    name = "JAX jit"

    def normal_expectation(self, problem, threads):
        return _average(threads, _normal, problem.n_samples)

    def first_expectation(self, problem, threads):
        _check(threads)
        return FreshProcess(_IMPORTS, _FIRST.format(n_samples=problem.n_samples)), only_mean

    def circle_expectation(self, problem, threads):
        return _average(threads, _circle, problem.n_samples)

    def cube_expectation(self, problem, threads):
        return _average(threads, _cube, problem.n_samples, problem.n_features, problem.rate)


def _check(threads):
    if threads != joblib.effective_n_jobs(-1):
        raise Unsuitable("JAX takes all cores")


def _average(threads, function, *arguments):
    _check(threads)
    key = jax.random.key(0)
    return lambda: jax.block_until_ready(function(key, *arguments)), only_mean


PEERS = [JaxAverages()]
