"""Small densities for the tests of `fastmle.information`, and their probabilities in plain NumPy."""

import itertools

import numpy as np

import fastmle


def states(n_features):
    """Return all rows of zeros and ones, the first column changing fastest."""
    return np.array([row[::-1] for row in itertools.product([0, 1], repeat=n_features)])


def network(coef, intercept, order=None, names=None):
    """Return the FVSBN with these parameters, `coef` and `intercept` in the order of the variables."""
    n_features = len(intercept)
    order = np.arange(n_features) if order is None else np.asarray(order)
    model = fastmle.FVSBN()
    model.coef_, model.intercept_ = np.zeros((n_features, n_features)), np.empty(n_features)
    model.coef_[np.ix_(order, order)], model.intercept_[order] = coef, intercept
    model.order_, model.n_features_in_ = order, n_features
    if names is not None:
        model.feature_names_in_ = np.array(list(names), dtype=object)
    return model


def coins(theta):
    """Return the BernoulliMLE with these probabilities, thousandths."""
    ones = np.round(1000 * np.asarray(theta)).astype(int)
    return fastmle.BernoulliMLE().fit((np.arange(1000)[:, None] < ones).astype(np.uint8))


def log_probabilities(model):
    """Return log p of all states, by the definition."""
    X = states(model.n_features_in_)
    if isinstance(model, fastmle.BernoulliMLE):
        with np.errstate(divide="ignore"):
            return np.where(X == 1, np.log(model.theta_), np.log(1 - model.theta_)).sum(axis=1)
    logits = model.intercept_ + X @ model.coef_.T
    return -np.logaddexp(0, np.where(X == 1, -logits, logits)).sum(axis=1)


class Foreign:
    """A density of another library: the rows of a table, each with its probability."""

    def __init__(self, probabilities):
        self.probabilities = np.asarray(probabilities)
        self._n_features = len(self.probabilities).bit_length() - 1

    def score_samples(self, X):
        numbers = np.asarray(X) @ (2 ** np.arange(self._n_features))
        with np.errstate(divide="ignore"):
            return np.log(self.probabilities[numbers.astype(int)])

    def sample(self, n_samples, random_state):
        numbers = random_state.choice(len(self.probabilities), size=n_samples, p=self.probabilities)
        return (numbers[:, None] >> np.arange(self._n_features)) & 1
