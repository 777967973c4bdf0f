"""Problems to fit: a name, a table, a penalty. They know nothing of the peers that solve them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit, log_expit


@dataclass(frozen=True)
class FitProblem:
    """Fit one logistic regression of each column on the columns before it, to the optimum.

    The objective of column i is -sum log p(x_i | x_<i) + alpha/2 ||W_i||^2, intercepts free; constant
    columns are left out, as their estimate lies at infinity.
    """

    name: str
    X: np.ndarray
    alpha: float = 1.0

    @property
    def columns(self):
        """The columns that are fitted."""
        share = self.X.mean(axis=0)
        return np.flatnonzero((share > 0) & (share < 1))

    def objective(self, coef, intercept):
        """Return the objective of every fitted column, float64."""
        value = np.empty(len(self.columns))
        for k, i in enumerate(self.columns):
            z = self.X[:, :i] @ coef[i, :i] + intercept[i]
            value[k] = 0.5 * self.alpha * coef[i, :i] @ coef[i, :i]
            value[k] -= log_expit(np.where(self.X[:, i] == 1, z, -z)).sum()
        return value


def synthetic(n_samples, n_features, density, seed=0):
    """Draw a table in which columns depend on the columns before them."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n_samples, n_features))
    bias = np.log(density / (1 - density))
    for i in range(n_features):
        weights = rng.normal(size=i) / np.sqrt(max(1, i) * density)
        logit = bias + X[:, :i] @ weights - density * weights.sum()
        X[:, i] = rng.random(n_samples) < expit(logit)
    return X


def toy_problems():
    """Small problems that need no data files: for the tests of the benchmarks themselves."""
    return [FitProblem("toy 500 x 12", synthetic(500, 12, 0.3))]


def data_problems(names=("nltcs", "plants", "dna", "baudio", "jester", "bnetflix")):
    """Published data sets, from the folder that FASTMLE_DATA names; empty where there is none.

    A file has the keys train (rows packed by ``numpy.packbits(axis=1, bitorder="little")``) and
    n_features.
    """
    folder = Path(os.environ.get("FASTMLE_DATA", "no-such-folder"))
    problems = []
    for name in names:
        path = folder / f"{name}.npz"
        if path.exists():
            with np.load(path) as archive:
                d = int(archive["n_features"])
                X = np.unpackbits(archive["train"], axis=1, count=d, bitorder="little")
            problems.append(FitProblem(f"{name} {X.shape[0]} x {d}", X.astype(np.float64)))
    return problems
