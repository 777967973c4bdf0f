"""An epoch of the FVSBN, and NADE, with NumPy in single precision."""

import numpy as np
from scipy.special import expit, log_expit

from ._peer import Peer, SinglePrecision, same


class NumpyStochastic(Peer):
    name = "NumPy float32"

    def epoch(self, problem, threads):
        X, start = problem.X.astype(np.float32), problem.start
        n, d = X.shape
        size, decay = problem.batch_size, problem.alpha / n
        rng = np.random.Generator(np.random.SFC64(0))

        def call():
            # Intercepts stand below the transposed weights.
            parameters, first, second, room = np.zeros((4, d + 1, d), dtype=np.float32)
            parameters[d] = start
            order = rng.permutation(n)
            for step, begin in enumerate(range(0, n, size), start=1):
                x = X[order[begin : begin + size]]
                z = x @ parameters[:d]
                z += parameters[d]
                residual = expit(z, out=z)
                residual -= x
                residual *= np.float32(1 / len(x))
                np.matmul(x.T, residual, out=room[:d])
                room[:d] = np.triu(room[:d], k=1)
                room[:d] += decay * parameters[:d]
                np.sum(residual, axis=0, out=room[d])
                first += 0.1 * (room - first)
                np.square(room, out=room)
                second += 0.001 * (room - second)
                np.sqrt(second, out=room)
                room *= (1 - 0.999**step) ** -0.5
                room += 1e-8
                np.divide(first, room, out=room)
                room *= problem.learning_rate / (1 - 0.9**step)
                parameters -= room
            return parameters

        def read(parameters):
            return parameters[:d].T.astype(np.float64), parameters[d].astype(np.float64)

        return call, read

    def network_sample(self, problem, threads):
        """Hidden units are computed anew only in the rows whose bit is set."""
        output_weight, bias, input_weight, hidden_bias = _single(problem.network)
        rng = np.random.Generator(np.random.SFC64(0))

        def call():
            sums = np.tile(hidden_bias, (problem.n_samples, 1))
            hidden = expit(sums)
            drawn = np.zeros((problem.n_features, problem.n_samples), dtype=np.uint8)
            for i in range(problem.n_features):
                p = expit(hidden @ output_weight[i] + bias[i])
                rows = np.flatnonzero(rng.random(problem.n_samples, dtype=np.float32) < p)
                drawn[i, rows] = 1
                own = sums[rows]
                own += input_weight[i]
                sums[rows] = own
                hidden[rows] = expit(own, out=own)
            return drawn

        return call, np.transpose


class NumpyNetwork(SinglePrecision):
    name = "NumPy float32"

    def network_gradient(self, problem, threads):
        """From the last variable to the first, hidden units anew only in the rows whose bit is set."""
        output_weight, bias, input_weight, hidden_bias = _single(problem.network)
        x = np.ascontiguousarray(problem.X.T, dtype=np.float32)
        own_rows = [np.flatnonzero(column) for column in problem.X.T]
        d, n = x.shape

        def call():
            grad_output, grad_input = np.empty_like(output_weight), np.empty_like(input_weight)
            residuals, value = np.empty_like(x), 0.0
            sums = x.T @ input_weight + hidden_bias
            hidden = expit(sums)
            back, pending, room = np.zeros((3, n, problem.n_hidden), dtype=np.float32)

            def pass_back(rows):
                h = hidden[rows]
                back[rows] += pending[rows] * (h * (1 - h))

            for i in reversed(range(d)):
                rows = own_rows[i]
                pass_back(rows)
                pending[rows] = 0
                grad_input[i] = back[rows].sum(axis=0)
                sums[rows] -= input_weight[i]
                hidden[rows] = expit(sums[rows])
                z = hidden @ output_weight[i] + bias[i]
                value += log_expit(np.where(x[i] > 0, z, -z)).sum(dtype=np.float64)
                np.subtract(x[i], expit(z, out=z), out=residuals[i])
                np.matmul(residuals[i], hidden, out=grad_output[i])
                pending += np.outer(residuals[i], output_weight[i], out=room)
            pass_back(slice(None))
            return value, (grad_output, residuals.sum(axis=1), grad_input, back.sum(axis=0))

        return call, same


def _single(network):
    return tuple(part.astype(np.float32) for part in network)


PEERS = [NumpyStochastic(), NumpyNetwork()]
