"""FVSBN: every column a logistic regression on the columns before it."""

import os
import warnings
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from ..data.duplicates import worth_merging
from ..engine import single_threaded_blas
from ..exceptions import ConvergenceWarning, SeparationWarning
from ..objectives import FVSBNObjective
from ..solvers import Stage, minimize_rows
from ._base import AutoregressiveDensity
from ._names import name_columns

# Largest gradient entry a row down to which single precision serves: its noise is up to 6e-7.
_COARSE_TOL = 6e-7
# The solver aims below `tol`, because coefficients that the data hardly determine are off by as much as
# the gradient divided by alpha, and what a column still gains can be many times what is expected.
_AIM = 0.5
_AIM_GAP = 0.05
# Nats a row that a column's objective counts as at least: next to nothing has no relative accuracy.
_LEAST_OBJECTIVE = 1e-3
# Searches that have met the noise of single precision end here, and go on in double precision.
_COARSE_TRIALS = 16


class FVSBN(CallbackSupportMixin, AutoregressiveDensity):
    r"""Fully-visible sigmoid belief network, fitted to the exact maximum.

    The probability of a row is a product of conditionals, each a logistic regression of a column on
    the columns before it. It is exact, and fitting is a convex problem that is solved to its optimum.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty ``alpha/2 ||W||^2`` on the weights, never on intercepts: per column, scikit-learn's
        ``LogisticRegression(C=1/alpha)``.
    smoothing : float, default=0.5
        Pseudo-observations of each outcome of each column, made where all columns before it are zero.
        With ``alpha > 0`` and ``smoothing > 0`` every binary row has a finite likelihood.
    order : None, "random" or array-like of shape (n_features,), default=None
        The autoregressive order of the columns: as they stand, drawn with `random_state`, or a
        permutation of ``range(n_features)``, first column first.
    binarize : float or None, default=None
        Opt in to thresholding the input: 1 where a value is greater. None demands zeros and ones.
    max_iter : int, default=1000
        Largest number of passes over the data after the first; one of them is the change from single to
        double precision.
    tol : float, default=1e-6
        A column is solved when the largest entry of its penalised gradient, divided by the sum of
        weights, is at most `tol`, and what its objective is still expected to fall, half of the squared
        Newton decrement, at most `tol` / 20 times the objective (counted as 1e-3 nats a row at
        least). Any value down to 1e-10 can be reached.
    warm_start : bool, default=False
        Start from the weights of the last fit, if it had as many columns in the same order.
    n_jobs : int or None, default=None
        Number of threads, with joblib's meaning; results are the same bits for any.
    random_state : int, RandomState or None, default=None
        Seed of ``order="random"``.
    verbose : int, default=0
        1 prints the progress every ten passes, 2 every pass.

    Attributes
    ----------
    coef_ : ndarray of float64, shape (n_features, n_features)
        ``coef_[i, j]`` is the weight of column j in the logit of column i, in original columns;
        ``coef_[np.ix_(order_, order_)]`` is strictly lower triangular.
    intercept_ : ndarray of float64, shape (n_features,)
        Intercepts, in original columns.
    order_ : ndarray of int64, shape (n_features,)
        The autoregressive order.
    n_iter_ : int
        Number of passes after the first.
    converged_ : bool
        Whether every column reached `tol`.
    loss_curve_ : ndarray of float64, shape (n_iter_ + 1,)
        Penalised negative log-likelihood after each pass, divided by the sum of weights: nats a row.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of object, shape (n_features,)
        Names of the columns, where the training data had them.

    See Also
    --------
    BernoulliMLE : Independent columns.
    fvsbn_value_and_gradient : The likelihood and its gradient, for other optimisers.

    Notes
    -----
    .. math:: \log p(x) = \sum_i \log p(x_i | x_{<i}), \qquad
              p(x_i = 1 | x_{<i}) = \sigma\Big(b_i + \sum_{j < i} W_{ij} x_j\Big)

    The objective of column i is the sum over rows, times their weights, of
    :math:`-\log p(x_i | x_{<i})`, plus the penalty and the pseudo-observations.

    scikit-learn's callbacks (``set_callbacks``, say with ``sklearn.callback.ProgressBar()``) hear of
    every pass.

    References
    ----------
    Frey, B. J., Hinton, G. E. and Dayan, P. Does the wake-sleep algorithm produce good density
    estimators? NIPS 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import FVSBN
    >>> X = np.repeat([[0, 0, 1], [1, 1, 0], [1, 1, 1]], [30, 50, 20], axis=0)
    >>> model = FVSBN(alpha=1.0).fit(X)
    >>> round(model.score(X), 3)
    -1.149
    >>> model.sample(3, random_state=0).shape
    (3, 3)
    >>> np.allclose(model.score_features(X).sum(axis=1), model.score_samples(X))
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "smoothing": [Interval(Real, 0, None, closed="left")],
        "order": [None, StrOptions({"random"}), "array-like"],
        "binarize": [Real, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    _file_arrays: ClassVar = {"coef_": 2, "intercept_": 1, "order_": 1, "loss_curve_": 0}
    _file_scalars = ("n_iter_", "converged_")

    def __init__(
        self,
        *,
        alpha=1.0,
        smoothing=0.5,
        order=None,
        binarize=None,
        max_iter=1000,
        tol=1e-6,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.alpha = alpha
        self.smoothing = smoothing
        self.order = order
        self.binarize = binarize
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the network to the optimum.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones: array, sparse matrix, data frame or BitMatrix.
        y : None
            Ignored, for scikit-learn's interfaces.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows; None uses those of a BitMatrix, or one each.

        Returns
        -------
        FVSBN
            Itself, fitted.

        Raises
        ------
        ValueError
            If a value is neither 0 nor 1, if `X` is empty, or for weights or parameters that make no
            sense.
        MemoryError
            If the parameters of that many columns cannot fit into this machine's memory.

        Warns
        -----
        ConvergenceWarning
            If some columns did not reach `tol` in `max_iter` passes.
        SeparationWarning
            If the estimate of some columns lies at infinity (with ``smoothing=0`` or ``alpha=0``).

        Notes
        -----
        After an error, or Ctrl-C, the estimator is as it was before.
        """
        bits = self._pack_for_fit(X, sample_weight)
        _refuse_too_wide(bits.shape[1])
        order = self._make_order(bits.shape[1])
        natural = np.array_equal(order, np.arange(len(order)))
        ordered = bits if natural else bits.take_columns(order, n_jobs=self.n_jobs)
        if worth_merging(ordered):
            ordered = ordered.distinct_rows(n_jobs=self.n_jobs)
        objective = FVSBNObjective(ordered, alpha=self.alpha, smoothing=self.smoothing, n_jobs=self.n_jobs)
        with single_threaded_blas():
            result, infinite = self._solve(objective, order, X, bits)
        self._warn(result, infinite, objective.scale, order, bits.feature_names)

        self._set_fitted(
            bits,
            **_in_original_columns(result.x, order),
            n_iter_=result.n_iter,
            converged_=bool(result.converged.all()),
            loss_curve_=np.asarray(result.curve) / objective.scale,
        )
        return self

    def _make_order(self, n_features):
        if self.order is None:
            return np.arange(n_features)
        if isinstance(self.order, str):
            return check_random_state(self.random_state).permutation(n_features).astype(np.int64)
        order = np.asarray(self.order)
        if not _is_permutation(order, n_features):
            raise ValueError(
                f"order must be a permutation of range({n_features}), the indices of the columns; got "
                f"{np.array2string(order, threshold=8)}"
            )
        return order.astype(np.int64)

    def _start(self, objective, order):
        """Return the parameters to start from."""
        fitted = getattr(self, "coef_", None)
        theta = objective.initial()
        if self.warm_start and fitted is not None and np.array_equal(self.order_, order):
            ahead = np.isfinite(self.intercept_[order]) & np.isfinite(theta[:, 0])
            theta[ahead, 0] = self.intercept_[order][ahead]
            theta[ahead, 1:] = fitted[np.ix_(order, order)][ahead, :-1]
        return theta

    def _solve(self, objective, order, X, bits):
        """Return the solver's result, and the columns whose optimum lies at infinity."""
        theta = self._start(objective, order)
        finite = np.isfinite(theta[:, 0])
        metric = objective.metric()
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X)
        tol = self.tol * objective.scale
        names = {"n_features_in_": bits.shape[1]}
        if bits.feature_names is not None:
            names["feature_names_in_"] = bits.feature_names

        def report(x, value, gradient_norm, n_iter):
            if self.verbose and (n_iter % 10 == 0 or self.verbose > 1):
                print(
                    f"[{type(self).__name__}] pass {n_iter}: "
                    f"{np.count_nonzero(gradient_norm > tol)} of {len(x)} columns above tol, objective "
                    f"{value.sum() / objective.scale:.6g} nats a row, largest gradient entry "
                    f"{gradient_norm.max() / objective.scale:.2g}"
                )
            step = context.subcontext(task_name="pass")
            step.call_on_fit_task_begin(estimator=self, X=X)
            return step.call_on_fit_task_end(
                estimator=self,
                X=X,
                reconstruction_attributes=lambda: names | _in_original_columns(x, order),
            )

        def coarse(columns, theta):
            return objective.value_and_gradient(columns, theta, dtype=np.float32)

        gap, least = _AIM_GAP * self.tol, _LEAST_OBJECTIVE * objective.scale
        coarse_tol = max(_AIM * tol, _COARSE_TOL * objective.scale)
        result = minimize_rows(
            (
                Stage(coarse, coarse_tol, 1e-6, 1.0, gap, least, _COARSE_TRIALS),
                Stage(objective.value_and_gradient, tol, 1e-13, _AIM, gap, least),
            ),
            metric.solve,
            theta,
            np.arange(1, len(theta) + 1),
            np.flatnonzero(finite),
            max_iter=self.max_iter,
            memory=_memory(len(theta)),
            refine=metric.refine,
            callback=report,
            n_jobs=self.n_jobs,
        )
        context.call_on_fit_task_end(estimator=self, X=X)
        infinite = np.flatnonzero(~finite)
        if self.alpha == 0:
            infinite = np.union1d(infinite, objective.separable(result.x, np.flatnonzero(finite)))
        return result, infinite

    def _warn(self, result, infinite, scale, order, feature_names):
        if len(infinite):
            warnings.warn(
                "The maximum likelihood estimate lies at infinity for column(s) "
                f"{name_columns(np.sort(order[infinite]), feature_names)}: a single outcome was seen, or "
                "the columns before predict it without error. Some rows may score -inf, or extremely "
                "low; set alpha > 0 and smoothing > 0 for finite estimates.",
                SeparationWarning,
                stacklevel=4,
            )
        missed = np.flatnonzero(~result.converged)
        if len(missed):
            warnings.warn(
                f"FVSBN did not converge in {len(missed)} of {len(order)} columns "
                f"({name_columns(np.sort(order[missed]), feature_names)}) after {result.n_iter} passes: "
                f"the largest gradient entry is {result.gradient_norm.max() / scale:.2g} a row, the largest "
                f"expected gain {result.excess.max() / scale:.2g} nats a row, tol={self.tol:g}. Increase "
                f"max_iter (now {self.max_iter}) or alpha, or accept a larger tol.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _check_file(self):
        if not np.isfinite(self.coef_).all() or self.coef_.dtype != np.float64:
            raise ValueError("coef_ that is not finite")
        if not _is_permutation(self.order_, self.n_features_in_):
            raise ValueError("order_ that is no permutation")

    def _conditionals(self):
        order = self.order_
        if np.array_equal(order, np.arange(len(order))):
            return self.coef_, self.intercept_, None
        return np.ascontiguousarray(self.coef_[np.ix_(order, order)]), self.intercept_[order], order


def _in_original_columns(theta, order):
    """Return the fitted attributes that the solver's parameters, in autoregressive order, stand for."""
    coef = np.zeros_like(theta)
    coef[:, :-1] = theta[:, 1:]
    place = np.argsort(order)
    return {"coef_": coef[np.ix_(place, place)], "intercept_": theta[place, 0], "order_": order}


def _is_permutation(order, n_features):
    right_kind = order.dtype.kind in "iu" and order.ndim == 1
    return right_kind and np.array_equal(np.sort(order), np.arange(n_features))


# Square arrays of the size of coef_ that a fit holds at its peak: parameters, gradients and steps, the
# Gram matrix and its factor, and the solver's rings, three triangles for each pair that it keeps.
_SQUARES = 26
# Numbers that the solver may remember: 64 MB of them, so that a fit of 1000 columns stays below 300 MB.
_REMEMBERED = 2**23


def _memory(n_features):
    """Return how many steps the solver remembers of each column, three triangles of numbers a step."""
    return int(np.clip(_REMEMBERED // (3 * n_features * (n_features + 1) // 2), 6, 16))


def _refuse_too_wide(n_features):
    """Raise a MemoryError if a fit of so many columns cannot fit into memory."""
    needed = _SQUARES * 8 * n_features**2
    installed = _installed_memory()
    if needed > installed:
        raise MemoryError(
            f"FVSBN on {n_features} columns has a {n_features} x {n_features} float64 matrix of weights "
            f"({8 * n_features**2 / 2**30:.1f} GiB), and fitting it needs about "
            f"{needed / 2**30:.0f} GiB; this machine has {installed / 2**30:.0f} GiB. Select fewer columns."
        )


def _installed_memory():
    """Return the memory of this machine, or of this process's cgroup, in bytes."""
    limits = [float("inf")]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                limits.append(int(file.read()))
        except (OSError, ValueError):  # no such cgroup, or its limit is the word "max"
            continue
    return min(limits)
