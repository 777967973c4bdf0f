"""Problems: data, the float64 answer, and how far an answer is from it. They know nothing of the peers.

A problem's `kind` names the method of a peer that solves it. `tolerance` bounds each of the `errors` of an
answer. `flops` counts what dense arithmetic on the whole matrix takes, `n_bytes` what must be read and
written at least: one of them is given, and says what the problem is bound by on dense hardware.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.special import expit, log_expit

# Rows at a time of the float64 answers: 64 MB at 1000 columns.
_CHUNK = 8192


def random_table(n_samples, n_features, density, seed=0):
    """Draw independent bits, uint8: for passes over data, whose time no dependence shortens."""
    rng = np.random.default_rng(seed)
    X = np.empty((n_samples, n_features), dtype=np.uint8)
    for start in range(0, n_samples, _CHUNK):
        part = X[start : start + _CHUNK]
        np.less(rng.random(part.shape, dtype=np.float32), density, out=part, casting="unsafe")
    return X


def dependent_table(n_samples, n_features, density, seed=0):
    """Draw a table in which columns depend on the columns before them, uint8: for fits."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n_samples, n_features))
    bias = np.log(density / (1 - density))
    for i in range(n_features):
        weights = rng.normal(size=i) / np.sqrt(max(1, i) * density)
        logit = bias + X[:, :i] @ weights - density * weights.sum()
        X[:, i] = rng.random(n_samples) < expit(logit)
    return X.astype(np.uint8)


def random_parameters(n_features, density, seed=1):
    """Draw weights, strictly lower triangular, and intercepts; logits are of order one."""
    rng = np.random.default_rng(seed)
    coef = np.tril(rng.normal(size=(n_features, n_features)), k=-1)
    coef /= np.sqrt(np.maximum(np.arange(n_features), 1) * density)[:, None]
    intercept = np.log(density / (1 - density)) - density * coef.sum(axis=1)
    # Off the optimum, where gradients vanish and only rounding is left to compare.
    intercept += rng.uniform(0.3, 0.6, n_features) * rng.choice((-1, 1), n_features)
    return coef, intercept


def _chunks(X):
    for start in range(0, len(X), _CHUNK):
        yield slice(start, start + _CHUNK), X[start : start + _CHUNK].astype(np.float64)


def terms(x, z):
    """Return the log-likelihoods of outcomes with logits z."""
    return log_expit(np.where(x == 1, z, -z))


def likelihood(X, coef, intercept):
    """Return the summed log-likelihood and its gradient in coef, strictly lower, and intercept, float64."""
    value, grad_coef, grad_intercept = 0.0, 0.0, 0.0
    for _, x in _chunks(X):
        z = x @ coef.T + intercept
        value += terms(x, z).sum()
        residual = x - expit(z)
        grad_coef = grad_coef + residual.T @ x
        grad_intercept = grad_intercept + residual.sum(axis=0)
    return value, np.tril(grad_coef, k=-1), grad_intercept


def objective(X, coef, intercept, alpha, columns=slice(None)):
    """Return the penalised negative log-likelihood of columns, float64."""
    coef = np.tril(coef, k=-1)[columns]
    value = 0.5 * alpha * np.einsum("ij,ij->i", coef, coef)
    for _, x in _chunks(X):
        value -= terms(x[:, columns], x @ coef.T + intercept[columns]).sum(axis=0)
    return value


@dataclass(frozen=True, eq=False)
class Problem:
    """A table, and parameters of an FVSBN on it where the kind needs some."""

    name: str
    n_samples: int
    n_features: int
    density: float

    kind: ClassVar[str]
    tolerance: ClassVar[dict]
    flops: ClassVar[float | None] = None
    n_bytes: ClassVar[float | None] = None

    @cached_property
    def X(self):
        return random_table(self.n_samples, self.n_features, self.density)

    @cached_property
    def _parameters(self):
        return random_parameters(self.n_features, self.density)

    @property
    def coef(self):
        return self._parameters[0]

    @property
    def intercept(self):
        return self._parameters[1]


class ValueAndGradient(Problem):
    """Summed log-likelihood, and its gradient in weights and intercepts."""

    kind = "value_and_gradient"
    tolerance: ClassVar = {"value": 1e-6, "gradient": 1e-5}

    @property
    def flops(self):
        return 4 * self.n_samples * self.n_features**2

    @cached_property
    def answer(self):
        return likelihood(self.X, self.coef, self.intercept)

    def errors(self, answer):
        """Relative for the value; for the gradient of a column, relative to its largest entry."""
        value, grad_coef, grad_intercept = answer
        right = np.column_stack([self.answer[2], self.answer[1]])
        rows = np.column_stack([grad_intercept, np.tril(grad_coef, k=-1)])
        error = np.abs(rows - right).max(axis=1) / np.abs(right).max(axis=1)
        return {"value": abs(value / self.answer[0] - 1), "gradient": error.max()}


class ScoreSamples(Problem):
    """Log-likelihood of every row."""

    kind = "score_samples"
    tolerance: ClassVar = {"score": 1e-6}

    @property
    def flops(self):
        return 2 * self.n_samples * self.n_features**2

    @cached_property
    def answer(self):
        scores = np.empty(self.n_samples)
        for rows, x in _chunks(self.X):
            scores[rows] = terms(x, x @ self.coef.T + self.intercept).sum(axis=1)
        return scores

    def errors(self, answer):
        return {"score": np.abs(answer / self.answer - 1).max()}


class Sample(Problem):
    """Draw rows; `density` only sets the parameters."""

    kind = "sample"
    # The largest of some d^2 standard normal numbers: 6.5 is out of reach at d = 1000.
    tolerance: ClassVar = {"standard errors": 6.5}

    @property
    def flops(self):
        return self.n_samples * self.n_features**2

    def errors(self, answer):
        """Residuals of each column, on their own and times each column before, in standard errors."""
        if answer.shape != (self.n_samples, self.n_features) or not np.isin(answer, (0, 1)).all():
            raise AssertionError("a table of zeros and ones of another shape was asked for")
        total, variance = 0.0, 0.0
        for _, x in _chunks(answer):
            p = expit(x @ self.coef.T + self.intercept)
            design = np.column_stack([np.ones(len(x)), x])
            total = total + (x - p).T @ design
            variance = variance + (p * (1 - p)).T @ design
        total, variance = np.tril(total), np.tril(variance)
        common = variance > 20  # below, a count is far from normal
        return {"standard errors": np.abs(total[common] / np.sqrt(variance[common])).max()}


class Pack(Problem):
    """Turn bytes into bits, refusing values other than 0 and 1."""

    kind = "pack"
    tolerance: ClassVar = {"bits": 0}

    @property
    def n_bytes(self):
        return self.n_samples * (self.n_features + self.n_features // 8)

    def errors(self, answer):
        """Number of wrong bits, of the unpacked answer."""
        return {"bits": np.count_nonzero(answer != self.X)}


class Gram(Problem):
    """Co-occurrence counts, X^T X."""

    kind = "gram"
    tolerance: ClassVar = {"counts": 0}

    @property
    def flops(self):
        return 2 * self.n_samples * self.n_features**2

    @cached_property
    def answer(self):
        return sum(x.T @ x for _, x in _chunks(self.X))

    def errors(self, answer):
        return {"counts": np.abs(answer - self.answer).max()}


@dataclass(frozen=True, eq=False)
class Fit(Problem):
    """One logistic regression of each column on the columns before it, to the optimum.

    The objective of column i is -sum log p(x_i | x_<i) + alpha/2 ||W_i||^2, intercepts free; constant
    columns are left out, as their estimate lies at infinity.
    """

    table: np.ndarray | None = field(default=None, repr=False)
    alpha: float = 1.0

    kind = "fit"
    tolerance: ClassVar = {"objective": 1e-6}

    @cached_property
    def X(self):
        if self.table is not None:
            return self.table
        return dependent_table(self.n_samples, self.n_features, self.density)

    @cached_property
    def columns(self):
        """The columns that are fitted."""
        share = self.X.mean(axis=0)
        return np.flatnonzero((share > 0) & (share < 1))

    @cached_property
    def answer(self):
        """The least objective of every fitted column, by Newton's method to the end."""
        return self.objective(*newton(self.X, self.columns, self.alpha))

    def objective(self, coef, intercept):
        """Return the objective of every fitted column, float64."""
        return objective(self.X, coef, intercept, self.alpha, self.columns)

    def errors(self, answer):
        return {"objective": (self.objective(*answer) / self.answer - 1).max()}


def newton(X, columns, alpha):
    """Fit each column by damped Newton steps in float64 until they no longer gain; (coef, intercept)."""
    d = X.shape[1]
    coef, intercept = np.zeros((d, d)), np.zeros(d)
    design = np.column_stack([np.ones(len(X)), X.astype(np.float64)])
    for i in columns:
        A, x = design[:, : i + 1], X[:, i]
        penalty = np.full(i + 1, alpha)
        penalty[0] = 0.0
        theta = np.zeros(i + 1)
        theta[0] = np.log(x.mean() / (1 - x.mean()))
        theta = _newton_column(A, x, penalty, theta)
        intercept[i], coef[i, :i] = theta[0], theta[1:]
    return coef, intercept


def _newton_column(A, x, penalty, theta):
    def objective(theta):
        return 0.5 * penalty @ theta**2 - terms(x, A @ theta).sum()

    value = objective(theta)
    for _ in range(100):
        p = expit(A @ theta)
        gradient = A.T @ (p - x) + penalty * theta
        hessian = A.T @ (A * (p * (1 - p))[:, None]) + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        decrement = gradient @ step
        if decrement <= 1e-12 * value:
            return theta - step
        length = 1.0
        while (trial := objective(theta - length * step)) > value - 1e-4 * length * decrement:
            length /= 2
        theta, value = theta - length * step, trial
    raise AssertionError("Newton's method did not converge")
