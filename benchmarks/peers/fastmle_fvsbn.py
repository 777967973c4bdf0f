"""This library: all columns at once, from the unpacked table."""

import warnings

from fastmle import FVSBN, SeparationWarning

NAME = "fastmle FVSBN"


def prepare(problem):
    return problem.X.astype("u1")


def fit(problem, table, n_jobs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeparationWarning)  # constant columns are known
        model = FVSBN(alpha=problem.alpha, smoothing=0, n_jobs=n_jobs).fit(table)
    return model.coef_, model.intercept_
