"""FVSBN: every column a logistic regression on the columns before it."""

from collections.abc import Iterator
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from ..conditionals import LogisticConditionals
from ..data import concatenate
from ._base import AutoregressiveDensity
from ._fvsbn_batch import BatchFits, refuse_too_wide
from ._fvsbn_features import FVSBNFeatures
from ._fvsbn_problem import FVSBNProblem
from ._stochastic import STOCHASTIC_SOLVERS, is_permutation
from ._stream import WEIGHTS_OF_STREAMS, StreamFits


class FVSBN(BatchFits, StreamFits, FVSBNFeatures, AutoregressiveDensity):
    r"""Fully-visible sigmoid belief network, fitted to the exact maximum or along minibatches.

    The probability of a row is a product of conditionals, each a logistic regression of a column on
    the columns before it. It is exact, and fitting is a convex problem: the batch solver solves it to its
    optimum, the others follow the gradients of minibatches, of a table or of a stream.

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
    solver : {"batch", "sgd", "momentum", "nesterov", "adam", "adamw"}, default="batch"
        "batch" goes to the optimum by quasi-Newton steps, as a rule in fewer passes and less time. The others
        take stochastic steps along minibatches: gradient descent, with momentum, or with adaptive moments.
    max_iter : int, default=1000
        Largest number of passes over the data after the first; one of them is the change from single to
        double precision.
    tol : float, default=1e-6
        A column is solved when the largest entry of its penalised gradient, divided by the sum of
        weights, is at most `tol`, and what its objective is still expected to fall, half of the squared
        Newton decrement, at most `tol` / 20 times the objective (counted as 1e-3 nats a row at
        least). Any value down to 1e-10 can be reached.
    learning_rate : float or None, default=None
        Of stochastic steps. None derives it from the mean number l of ones in a row: 0.3 / sqrt(1 + l) for
        adam and adamw, by which a logit moves by about 0.3; 4 / (1 + l) for sgd, the inverse of a bound of
        the curvature, and a tenth of that with momentum.
    schedule : {"constant", "inverse_sqrt", "step", "cosine"} or callable, default="inverse_sqrt"
        What becomes of the learning rate: it stays; falls as 1 / sqrt(1 + step/100); falls to a tenth
        twice, a third of all steps apart; falls to zero along a cosine; or is multiplied by a function of
        the number of the step, from 0 on.
    warm_up : int, default=0
        Number of steps of a linear rise before.
    batch_size : int or "auto", default="auto"
        Rows of a minibatch: "auto" takes a 64th of the rows, 256 at most (below 64 rows all of
        them), and 64 rows in a stream.
    max_epochs : int, default=30
        Largest number of passes along minibatches.
    max_time : float or None, default=None
        Seconds after which no more stochastic steps begin.
    early_stopping : bool, default=False
        Hold out some rows, and stop when their likelihood has not grown for `patience` epochs.
    validation_fraction : float, default=0.1
        Share of the rows to hold out for that.
    patience : int, default=5
        Number of epochs to wait.
    weight_decay : float, default=0.0
        Share of the learning rate by which weights shrink in a stochastic step. It is no penalty, and
        nothing that adam has.
    label_smoothing : float, default=0.0
        Share s of every outcome that is replaced by half of each: 1 becomes 1 - s/2, and 0 becomes s/2.
        For any solver.
    clip_norm : float or None, default=None
        Largest norm of the gradient of a stochastic step, per row; longer ones are shortened.
    average : bool, default=True
        Take the mean of the iterates of the stochastic steps, in which the last ninth counts most, instead of
        the last of them. The noise of the minibatches hardly enters it, so the learning rate need not fall
        fast.
    accumulate : int, default=1
        Number of minibatches that make one step.
    checkpoint : str, path-like or None, default=None
        A file to which the state of a stochastic fit is written after every epoch, and from which it goes
        on if there is one. The result is the same bits as without a stop. What has been fitted may go on with
        a larger `max_epochs`.
    warm_start : bool, default=False
        Let `fit` start from the weights of the last fit, if it had as many columns in the same order.
    n_jobs : int or None, default=None
        Number of threads, with joblib's meaning; results are the same bits for any.
    random_state : int, RandomState or None, default=None
        Seed of ``order="random"``, of minibatches and of the rows held out.
    verbose : int, default=0
        1 prints the progress every ten passes, 2 every pass; each of them every epoch.
    representation : {"surprise", "fisher"}, default="surprise"
        What :meth:`transform` returns: -log p(x_i | x_<i) of each column, or the gradient of log p(x) with
        respect to parameters.
    fisher_columns : array-like of int or None, default=None
        Columns whose parameters that gradient is taken for; None is all.

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
        Number of passes after the first; of whole epochs with a stochastic solver; of chunks of a stream.
    converged_ : bool
        Whether every column reached `tol`, or early stopping ended a stochastic fit.
    stopped_ : str
        Why the fit ended: "tol", "max_iter", "max_epochs", "max_time", "patience", "callback" or "stream".
    loss_curve_ : ndarray of float64
        Nats a row. Batch solver, shape (n_iter_ + 1,): the objective, divided by the sum of weights, after
        each pass. Otherwise, shape (n_iter_,): mean negative log-likelihood of the rows of an epoch, each
        at the parameters where its turn came; in a stream, of at least `batch_size` rows each.
    validation_curve_ : ndarray of float64, shape (n_iter_,)
        Mean negative log-likelihood of the rows held out, after each epoch; empty without any.
    seconds_curve_ : ndarray of float64
        Seconds from the beginning to each entry of `loss_curve_`; empty for a stream.
    best_epoch_ : int or None
        Number of epochs after which `validation_curve_` was lowest: the parameters are those of then.
    n_samples_seen_ : int
        Number of training rows with a weight, in a stream so far.
    total_weight_ : float
        Their weight.
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
    every pass ("pass"), epoch ("epoch") or chunk of a stream ("chunk").

    Stochastic solvers have the same objective, divided by the weight of the rows.

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
        "solver": [StrOptions({"batch", *STOCHASTIC_SOLVERS})],
        "representation": [StrOptions({"surprise", "fisher"})],
        "fisher_columns": [None, "array-like"],
        **StreamFits._stochastic_constraints,
    }
    _file_arrays: ClassVar = {"coef_": 2, "intercept_": 1, "order_": 1, **StreamFits._curve_arrays}
    _file_scalars = StreamFits._curve_scalars

    def __init__(
        self,
        *,
        alpha=1.0,
        smoothing=0.5,
        order=None,
        binarize=None,
        solver="batch",
        max_iter=1000,
        tol=1e-6,
        learning_rate=None,
        schedule="inverse_sqrt",
        warm_up=0,
        batch_size="auto",
        max_epochs=30,
        max_time=None,
        early_stopping=False,
        validation_fraction=0.1,
        patience=5,
        weight_decay=0.0,
        label_smoothing=0.0,
        clip_norm=None,
        average=True,
        accumulate=1,
        checkpoint=None,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        representation="surprise",
        fisher_columns=None,
    ):
        self.alpha = alpha
        self.smoothing = smoothing
        self.order = order
        self.binarize = binarize
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warm_up = warm_up
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.clip_norm = clip_norm
        self.average = average
        self.accumulate = accumulate
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.representation = representation
        self.fisher_columns = fisher_columns

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, X_val=None):
        """Fit the network.

        Parameters
        ----------
        X : BitMatrix, array-like of shape (n_samples, n_features), or iterator of these
            Rows of zeros and ones: array, sparse matrix, data frame or BitMatrix. Of an iterator the batch
            solver packs all batches before it begins; the stochastic ones go through it once, as
            :meth:`partial_fit` does.
        y : None
            Ignored, for scikit-learn's interfaces.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows; None uses those of a BitMatrix, or one each.
        X_val : BitMatrix, array-like of shape (n_validation, n_features), or None, default=None
            Rows to validate a stochastic fit with, instead of some of `X`: the parameters of the epoch that
            does best on them are taken. With `early_stopping` they also end it.

        Returns
        -------
        FVSBN
            Itself, fitted.

        Raises
        ------
        ValueError
            If a value is neither 0 nor 1, if `X` is empty, for weights or parameters that make no sense, or
            if `checkpoint` has the state of another fit.
        DivergenceError
            If the likelihood or its gradient is not finite any more: the learning rate is too large.
        MemoryError
            If the parameters of that many columns cannot fit into this machine's memory.

        Warns
        -----
        ConvergenceWarning
            If some columns did not reach `tol` in `max_iter` passes.
        SeparationWarning
            If the estimate of some columns lies at infinity (with ``smoothing=0`` or ``alpha=0``; a
            stochastic solver notices columns with a single outcome only).

        Notes
        -----
        After an error, or Ctrl-C, the estimator is as it was before.
        """
        is_stream = isinstance(X, Iterator)
        if self.solver != "batch" and is_stream:
            self._fit_stream(X, self._pack_batches(X), sample_weight, X_val)
            return self
        if self.solver == "batch" and X_val is not None:
            raise ValueError("X_val is for a stochastic solver; the batch solver goes to the optimum of X")
        if is_stream and sample_weight is not None:
            raise ValueError(WEIGHTS_OF_STREAMS)
        bits = concatenate(list(self._pack_batches(X))) if is_stream else self._pack_for_fit(X, sample_weight)
        refuse_too_wide(bits.shape[1])
        if self.solver == "batch":
            attributes = self._fit_batch(X, bits)
        else:
            attributes = self._fit_stochastic(X, bits, X_val)
            infinite = np.flatnonzero(~np.isfinite(attributes["intercept_"]))
            self._warn_of_infinite(infinite, bits.feature_names)
        self._set_fitted(bits, **attributes)
        return self

    def _stochastic_solver(self):
        return "adam" if self.solver == "batch" else self.solver  # partial_fit has no batch solver

    def _make_problem(self, bits, order, seed, *, warm, streaming):
        refuse_too_wide(bits.shape[1])
        problem = FVSBNProblem(
            bits,
            order,
            smoothing=self.smoothing,
            label_smoothing=self.label_smoothing,
            streaming=streaming,
            n_jobs=self.n_jobs,
        )
        if warm:
            problem.start_from(self.coef_, self.intercept_)
        return problem

    def _describe(self, *fit):
        return super()._describe(*fit) | {"smoothing": self.smoothing}

    def _check_file(self):
        if not np.isfinite(self.coef_).all() or self.coef_.dtype != np.float64:
            raise ValueError("coef_ that is not finite")
        if not is_permutation(self.order_, self.n_features_in_):
            raise ValueError("order_ that is no permutation")

    def _conditionals(self):
        order = self.order_
        if np.array_equal(order, np.arange(len(order))):
            return LogisticConditionals(self.coef_, self.intercept_, None)
        coef = np.ascontiguousarray(self.coef_[np.ix_(order, order)])
        return LogisticConditionals(coef, self.intercept_[order], order)
