"""The arguments of the optimisers' kernels, for the walk over all kernels in test_kernels.py."""

import numpy as np


class OptimizerCases:
    """Part of `Cases`: what is drawn comes from its generator `_rng`, of its shape and precision."""

    def _vectors(self, n_states):
        """Parameters, gradient, states, and some runs of their entries."""
        n = self._n_rows + self._n_columns
        n_edges = 2 * int(self._rng.integers(1, n // 2 + 1))
        runs = np.sort(self._rng.choice(n + 1, size=n_edges, replace=False)).reshape(-1, 2)
        parameters, gradient, *states = (self._normal(n, dtype=self._dtype) for _ in range(2 + n_states))
        gradient.flags.writeable = runs.flags.writeable = False
        return parameters, gradient, states, runs

    def _step(self, penalty=0.1):
        return (0.3, penalty if self._weighted else 0.0, 0.9 if self._weighted else 1.0, 0.05)

    def measure_slope(self):
        parameters, gradient, _, runs = self._vectors(0)
        parameters.flags.writeable = False
        squares = self._normal(1)
        return (parameters, gradient, runs, *self._step()[:2], squares), [squares]

    def update_sgd(self):
        parameters, gradient, _, runs = self._vectors(0)
        return (parameters, gradient, runs, *self._step()), [parameters]

    def update_momentum(self):
        parameters, gradient, (velocity,), runs = self._vectors(1)
        nesterov = bool(self._rng.integers(2))
        step = self._step(penalty=0.0)
        return (parameters, gradient, velocity, runs, *step, 0.9, nesterov), [parameters, velocity]

    def update_adam(self):
        parameters, gradient, (first, second), runs = self._vectors(2)
        np.abs(second, out=second)
        n_steps = int(self._rng.choice([1, 2, 1000]))
        arguments = (parameters, gradient, first, second, runs, *self._step(penalty=0.0))
        return (*arguments, 0.9, 0.99, 1e-8, n_steps), [parameters, first, second]
