"""scikit-learn: a LogisticRegression for every column, the columns shared out over the threads."""

import shutil
import tempfile
import warnings
import weakref
from functools import partial

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression

from ._peer import Peer, loosest, same


class SklearnColumns(Peer):
    def __init__(self, solver, **options):
        self.name = f"scikit-learn {solver}"
        self._options = options | {"solver": solver, "max_iter": 10000}

    def fit(self, problem, threads):
        folder = tempfile.mkdtemp()
        joblib.dump(np.asfortranarray(problem.X, dtype=np.float64), f"{folder}/X")
        X = joblib.load(f"{folder}/X", mmap_mode="r")  # which the processes share
        options = self._options | {"C": 1 / problem.alpha}

        def fit(tol):
            d = X.shape[1]
            coef, intercept = np.zeros((d, d)), np.zeros(d)
            columns = problem.columns[problem.columns > 0]
            fits = joblib.Parallel(n_jobs=threads)(
                joblib.delayed(_fit_columns)(X, columns[part::threads], options | {"tol": tol})
                for part in range(threads)
            )
            for part, fitted in enumerate(fits):
                for i, (weights, bias) in zip(columns[part::threads], fitted, strict=True):
                    coef[i, :i], intercept[i] = weights, bias
            share = X[:, 0].mean()
            if 0 < share < 1:
                intercept[0] = np.log(share / (1 - share))
            return coef, intercept

        weakref.finalize(fit, shutil.rmtree, folder)
        return partial(fit, loosest(problem, fit, same)), same


def _fit_columns(X, columns, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of line searches and the like: it is the objective that counts
        models = [LogisticRegression(**options).fit(X[:, :i], X[:, i]) for i in columns]
    return [(model.coef_[0], model.intercept_[0]) for model in models]


PEERS = [
    SklearnColumns("newton-cholesky"),
    SklearnColumns("newton-cg"),
    SklearnColumns("lbfgs"),
    # A large scaling all but frees the intercept, which this solver penalises.
    SklearnColumns("liblinear", intercept_scaling=1000.0),
]
