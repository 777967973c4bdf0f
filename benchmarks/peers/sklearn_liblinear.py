"""scikit-learn with liblinear, on one thread; a large intercept_scaling makes the intercept free."""

from .sklearn_columns import fit_columns

NAME = "scikit-learn liblinear"


def prepare(problem):
    return problem.X


def fit(problem, table, n_jobs):
    return fit_columns(problem, table, solver="liblinear", tol=1e-7, max_iter=10000, intercept_scaling=1000.0)
