"""scikit-learn's density for binary rows, for orientation: another model, whose likelihood is not known."""

from sklearn.neural_network import BernoulliRBM

from ._peer import Peer


class SklearnRBM(Peer):
    name = "BernoulliRBM (default)"

    def fit(self, problem, threads):
        X = problem.X.astype("f4")
        return lambda: BernoulliRBM(random_state=0).fit(X), lambda model: None


PEERS = [SklearnRBM()]
