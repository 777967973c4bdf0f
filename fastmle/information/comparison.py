"""Two fitted densities on the same rows: which has the higher likelihood, and how sure that is."""

import math

import numpy as np
from scipy.special import ndtr

from ..montecarlo.estimation import average_rows
from ..montecarlo.result import ExpectationResult, check_level
from ..montecarlo.states import ExactState
from .densities import as_density
from .empirical import score_rows, state_of_scores


def compare(model_a, model_b, X, *, sample_weight=None, confidence_level=0.95, n_jobs=None):
    """Compare two fitted densities by their log-likelihoods of the same rows.

    The mean over rows of ``log a(x) - log b(x)``, with the standard error of the paired differences: rows
    that are hard for both do not count as noise. Its ratio to that error is Vuong's statistic [1]_, normal
    where both are equally good.

    Parameters
    ----------
    model_a, model_b : object
        Fitted densities, or whatever has ``score_samples(X)``.
    X : BitMatrix or array-like of shape (n_samples, n_features)
        Rows that neither was fitted to.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows: a weight of k counts as k rows. None takes those of a BitMatrix, or one each.
    confidence_level : float, default=0.95
        Level of the interval that is printed.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.

    Returns
    -------
    Comparison
        With ``difference`` (an :class:`ExpectationResult`), ``z``, ``p_value``, ``mean_a``, ``mean_b``. Where
        one of them gives no probability to a row, the difference is infinite, and the p-value 0.

    Raises
    ------
    ValueError
        If both give no probability to some rows; if X, weights or level are not usable.
    sklearn.exceptions.NotFittedError
        If one is not fitted.

    Notes
    -----
    The test is for two densities that are fixed before X is seen, of whichever kind. On the rows that they
    were fitted to it holds for models of which neither contains the other, and favours the one with more
    parameters. Where one contains the other and both come to the same density, all differences are near
    zero and the statistic is not normal; likelihood ratio tests are made for that.

    References
    ----------
    .. [1] Q. H. Vuong, "Likelihood ratio tests for model selection and non-nested hypotheses", Econometrica
       57, 1989.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import FVSBN, BernoulliMLE, compare
    >>> X = np.repeat([[0, 0, 1], [1, 1, 0], [1, 1, 1]], [30, 50, 20], axis=0)
    >>> print(compare(FVSBN().fit(X), BernoulliMLE(smoothing=1).fit(X), X))
    mean log-likelihood of 100 rows, nats
      model_a (FVSBN)            -1.149
      model_b (BernoulliMLE)     -1.915
      difference                 0.7657 ± 0.065, 0.95 interval [0.6373, 0.894]
      z = 11.8, p = 2.5e-32: model_a is better
    """
    check_level(confidence_level)
    a, b = as_density(model_a, "model_a"), as_density(model_b, "model_b")
    scores_a, weight = score_rows(a, X, sample_weight, n_jobs)
    scores_b, _ = score_rows(b, X, sample_weight, n_jobs)
    about = {"what": "difference of log-likelihoods in nats", "confidence_level": confidence_level}
    impossible_a, impossible_b = (scores == -np.inf for scores in (scores_a, scores_b))
    if impossible_a.any() and impossible_b.any():
        raise ValueError(
            f"neither can be preferred: {a.name} gives no probability to {impossible_a.sum()} rows, and "
            f"{b.name} to {impossible_b.sum()}; fit with smoothing, or leave these rows out"
        )
    if impossible_a.any() or impossible_b.any():
        value = -np.inf if impossible_a.any() else np.inf
        n_rows = len(scores_a) if weight is None else weight.sum()
        n_excluded = (impossible_a | impossible_b).sum()
        note = f"{(a if value < 0 else b).name} gives no probability to {n_excluded} of the rows"
        difference = ExpectationResult(ExactState(value, n_rows), counted="rows", note=note, **about)
    else:
        difference = average_rows(state_of_scores(a, b), scores_a - scores_b, weight, **about)
    means = (float(np.average(scores, weights=weight)) for scores in (scores_a, scores_b))
    return Comparison(difference, *means, a.name, b.name)


class Comparison:
    """What :func:`fastmle.compare` finds.

    Attributes
    ----------
    difference : ExpectationResult
        Mean of log a(x) - log b(x) over rows, nats, with its paired standard error and interval.
    mean_a, mean_b : float
        Mean log-likelihoods, nats a row.
    z : float
        The difference divided by its standard error; 0 where all differences are zero, and NaN where a
        single row has no error.
    p_value : float
        Two-sided: how probable a z as far from 0 is, where both are equally good.
    """

    def __init__(self, difference, mean_a, mean_b, name_a, name_b):
        self.difference, self.mean_a, self.mean_b = difference, mean_a, mean_b
        self._names = name_a, name_b

    @property
    def z(self):
        mean, error = self.difference.mean, self.difference.standard_error
        if error > 0 or math.isnan(error):
            return mean / error
        return math.copysign(math.inf, mean) if mean else 0.0

    @property
    def p_value(self):
        return float(2 * ndtr(-abs(self.z)))

    def __repr__(self):
        return f"<Comparison {self.difference.mean:.4g}, z = {self.z:.3g}, p = {self.p_value:.2g}>"

    def __str__(self):
        result = self.difference
        low, high = result.confidence_interval()
        level = result.confidence_level
        verdict = "no difference can be told"
        if self.p_value < 1 - level:
            verdict = f"{'model_a' if self.z > 0 else 'model_b'} is better"
        width = max(map(len, self._names))
        lines = [
            f"mean log-likelihood of {result.n_samples:,} rows, nats",
            f"  {self._names[0]:{width}} {self.mean_a:10.4g}",
            f"  {self._names[1]:{width}} {self.mean_b:10.4g}",
            f"  {'difference':{width}} {result.mean:10.4g} ± {result.standard_error:.2g}, "
            f"{level:.3g} interval [{low:.4g}, {high:.4g}]",
            f"  z = {self.z:.3g}, p = {self.p_value:.2g}: {verdict}",
        ]
        if result.note is not None:
            lines.append(f"  {result.note}")
        return "\n".join(lines)
