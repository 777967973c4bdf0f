"""What the scikit-learn peers share: a LogisticRegression for every column."""

import numpy as np
from sklearn.linear_model import LogisticRegression


def fit_columns(problem, table, **options):
    d = table.shape[1]
    coef, intercept = np.zeros((d, d)), np.zeros(d)
    for i in problem.columns:
        if i == 0:
            share = table[:, 0].mean()
            intercept[0] = np.log(share / (1 - share))
            continue
        model = LogisticRegression(C=1 / problem.alpha, **options).fit(table[:, :i], table[:, i])
        coef[i, :i], intercept[i] = model.coef_[0], model.intercept_[0]
    return coef, intercept
