"""NADE: an autoregressive density whose conditionals share hidden units."""

from collections.abc import Iterator
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from ..conditionals import NetworkConditionals
from ..kernels import NADE_ACTIVATIONS
from ._base import AutoregressiveDensity, in_order
from ._nade_problem import NADEProblem
from ._stochastic import STOCHASTIC_SOLVERS, is_permutation
from ._stream import StreamFits


class NADE(StreamFits, TransformerMixin, AutoregressiveDensity):
    r"""Neural autoregressive distribution estimator.

    The probability of a row is a product of conditionals, as in :class:`FVSBN`, but these share one layer of
    hidden units, which hears of one more column from each conditional to the next: what is learned of one
    column helps the others. The likelihood is exact; fitting it is no convex problem, and goes along
    minibatches.

    Parameters
    ----------
    n_hidden : int, default=500
        Number of hidden units.
    activation : {"sigmoid", "relu"}, default="sigmoid"
        Of the hidden units.
    alpha : float, default=1.0
        Penalty ``alpha/2 (||W||^2 + ||V||^2)`` on all weights, never on intercepts, beside the sum of the
        rows' negative log-likelihoods.
    dropout : float, default=0.0
        Share of the hidden units that are left out in each row of a minibatch, in all of its conditionals
        alike, while the others count 1 / (1 - dropout) times. Scores and samples leave none out.
    order : None, "random" or array-like of shape (n_features,), default=None
        The autoregressive order of the columns: as they stand, drawn with `random_state`, or a
        permutation of ``range(n_features)``, first column first.
    binarize : float or None, default=None
        Opt in to thresholding the input: 1 where a value is greater. None demands zeros and ones.
    solver : {"adamw", "adam", "sgd", "momentum", "nesterov"}, default="adamw"
        Steps with adaptive moments, gradient descent, or that with momentum.
    learning_rate : float or None, default=None
        None is 0.002 for adam and adamw, 0.02 in a stream of 64 rows a step; 0.1 for sgd, 0.01 with momentum.
    schedule : {"constant", "inverse_sqrt", "step", "cosine"} or callable, default="constant"
        What becomes of the learning rate: it stays; falls as 1 / sqrt(1 + step/100); falls to a tenth
        twice, a third of all steps apart; falls to zero along a cosine; or is multiplied by a function of
        the number of the step, from 0 on.
    warm_up : int, default=0
        Number of steps of a linear rise before.
    batch_size : int or "auto", default="auto"
        Rows of a minibatch: "auto" takes a 64th of the rows, 256 at most (below 64 rows all of
        them), and 64 rows in a stream.
    max_epochs : int, default=50
        Largest number of passes along minibatches.
    max_time : float or None, default=None
        Seconds after which no more steps begin.
    early_stopping : bool, default=False
        Hold out some rows, and stop when their likelihood has not grown for `patience` epochs. The parameters
        of the best epoch are taken.
    validation_fraction : float, default=0.1
        Share of the rows to hold out for that.
    patience : int, default=5
        Number of epochs to wait.
    weight_decay : float, default=0.0
        Share of the learning rate by which weights shrink in a step. It is no penalty, and nothing that
        adam has.
    label_smoothing : float, default=0.0
        Share s of every outcome that is replaced by half of each: 1 becomes 1 - s/2, and 0 becomes s/2.
    clip_norm : float or None, default=None
        Largest norm of the gradient of a step, per row; longer ones are shortened.
    average : bool, default=True
        Take the mean of the iterates, in which the last ninth counts most, instead of the last of them. The
        noise of the minibatches hardly enters it, so the learning rate may stay.
    accumulate : int, default=1
        Number of minibatches that make one step.
    checkpoint : str, path-like or None, default=None
        A file to which the state of the fit is written after every epoch, and from which it goes on if there
        is one. The result is the same bits as without a stop.
    warm_start : bool, default=False
        Let `fit` start from the parameters of the last fit, if they have the same shape, activation and
        order.
    n_jobs : int or None, default=None
        Number of threads, with joblib's meaning; results are the same bits for any.
    random_state : int, RandomState or None, default=None
        Seed of the start, of ``order="random"``, of minibatches, of dropout and of the rows held out.
    verbose : int, default=0
        1 prints the progress after every epoch.

    Attributes
    ----------
    input_weights_ : ndarray of float64, shape (n_features, n_hidden)
        W: what a one in a column adds to the hidden units of the columns after it.
    hidden_intercept_ : ndarray of float64, shape (n_hidden,)
        c: intercepts of the hidden units.
    output_weights_ : ndarray of float64, shape (n_features, n_hidden)
        V: weights of the hidden units in the logit of a column.
    intercept_ : ndarray of float64, shape (n_features,)
        b: intercepts of the logits.
    activation_ : {"sigmoid", "relu"}
        Of the hidden units, as they were fitted.
    order_ : ndarray of int64, shape (n_features,)
        The autoregressive order.
    n_iter_ : int
        Number of whole epochs; of chunks of a stream.
    converged_ : bool
        Whether early stopping ended the fit.
    stopped_ : str
        Why it ended: "max_epochs", "max_time", "patience", "callback" or "stream".
    loss_curve_ : ndarray of float64, shape (n_iter_,)
        Mean negative log-likelihood of the rows of an epoch, nats, each at the parameters where its turn
        came, without the hidden units that were left out; in a stream, of at least `batch_size` rows each.
    validation_curve_ : ndarray of float64, shape (n_iter_,)
        Mean negative log-likelihood of the rows held out, after each epoch; empty without any.
    seconds_curve_ : ndarray of float64, shape (n_iter_,)
        Seconds from the beginning to the end of each epoch; empty for a stream.
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
    FVSBN : Logistic conditionals without hidden units, fitted to the optimum.

    Notes
    -----
    With the activation g, in the order of the columns [1]_,

    .. math:: p(x_i = 1 | x_{<i}) = \sigma(b_i + V_i \cdot h_i), \qquad
              h_i = g\Big(c + \sum_{j < i} x_j W_j\Big).

    The intercepts start where the conditionals are nearly the smoothed marginals, so no outcome is ever
    impossible. Steps are taken in float32.

    scikit-learn's callbacks (``set_callbacks``, say with ``sklearn.callback.ProgressBar()``) hear of
    every epoch ("epoch") or chunk of a stream ("chunk").

    References
    ----------
    .. [1] Larochelle, H. and Murray, I. The neural autoregressive distribution estimator. AISTATS 2011.

    Examples
    --------
    The third column tells whether the first two differ, which no FVSBN can learn in this order:

    >>> import numpy as np
    >>> from fastmle import FVSBN, NADE
    >>> X = np.tile([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]], (100, 1))
    >>> model = NADE(n_hidden=8, alpha=0.01, learning_rate=0.05, random_state=0).fit(X)
    >>> round(model.score(X), 1), round(FVSBN().fit(X).score(X), 1)  # log(1/4), log(1/8)
    (-1.4, -2.1)
    >>> model.transform(X).shape
    (400, 8)
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"sigmoid", "relu"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "order": [None, StrOptions({"random"}), "array-like"],
        "binarize": [Real, None],
        "solver": [StrOptions(set(STOCHASTIC_SOLVERS))],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        **StreamFits._stochastic_constraints,
    }
    _file_arrays: ClassVar = {
        "input_weights_": 0,
        "hidden_intercept_": 0,
        "output_weights_": 0,
        "intercept_": 1,
        "order_": 1,
        **StreamFits._curve_arrays,
    }
    _file_scalars = ("activation_", *StreamFits._curve_scalars)

    def __init__(
        self,
        n_hidden=500,
        *,
        activation="sigmoid",
        alpha=1.0,
        dropout=0.0,
        order=None,
        binarize=None,
        solver="adamw",
        learning_rate=None,
        schedule="constant",
        warm_up=0,
        batch_size="auto",
        max_epochs=50,
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
    ):
        self.n_hidden = n_hidden
        self.activation = activation
        self.alpha = alpha
        self.dropout = dropout
        self.order = order
        self.binarize = binarize
        self.solver = solver
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, X_val=None):
        """Fit the network along minibatches.

        Parameters
        ----------
        X : BitMatrix, array-like of shape (n_samples, n_features), or iterator of these
            Rows of zeros and ones: array, sparse matrix, data frame or BitMatrix. An iterator is gone through
            once, as :meth:`partial_fit` does.
        y : None
            Ignored, for scikit-learn's interfaces.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows; None uses those of a BitMatrix, or one each.
        X_val : BitMatrix, array-like of shape (n_validation, n_features), or None, default=None
            Rows to validate with, instead of some of `X`: the parameters of the epoch that does best on them
            are taken. With `early_stopping` they also end the fit.

        Returns
        -------
        NADE
            Itself, fitted.

        Raises
        ------
        ValueError
            If a value is neither 0 nor 1, if `X` is empty, for weights or parameters that make no sense, or
            if `checkpoint` has the state of another fit.
        DivergenceError
            If the likelihood or its gradient is not finite any more: the learning rate is too large.

        Notes
        -----
        After an error, or Ctrl-C, the estimator is as it was before.
        """
        if isinstance(X, Iterator):
            self._fit_stream(X, self._pack_batches(X), sample_weight, X_val)
            return self
        bits = self._pack_for_fit(X, sample_weight)
        self._set_fitted(bits, **self._fit_stochastic(X, bits, X_val))
        return self

    def transform(self, X):
        """Return the hidden units of rows after their last column, as features for another model.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_hidden)
            The last column of the order adds nothing to them: no conditional hears of it.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As :meth:`score_samples`.

        Examples
        --------
        >>> from fastmle import NADE
        >>> model = NADE(n_hidden=4, random_state=0).fit([[0, 1], [1, 1], [1, 0]])
        >>> model.transform([[0, 1], [1, 1]]).shape
        (2, 4)
        """
        bits, conditionals = self._pack_like_fit(X), self._conditionals()
        ordered = in_order(bits, conditionals.order, self.n_jobs)
        return conditionals.represent(ordered, n_jobs=self.n_jobs)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the hidden units, ``nade0``, ``nade1`` and so on.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Checked against the names of the columns, and otherwise not used.

        Returns
        -------
        ndarray of object, shape (n_hidden,)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If the names are not those of the training data, or not as many.
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        return np.array([f"nade{k}" for k in range(len(self.hidden_intercept_))], dtype=object)

    def _make_problem(self, bits, order, seed, *, warm, streaming):
        problem = NADEProblem(
            bits,
            order,
            n_hidden=self.n_hidden,
            activation=self.activation,
            dropout=self.dropout,
            label_smoothing=self.label_smoothing,
            seed=seed,
            streaming=streaming,
            n_jobs=self.n_jobs,
        )
        if warm:
            problem.start_from(self)
        return problem

    def _can_go_on(self, order):
        own = self.n_hidden, self.activation
        return super()._can_go_on(order) and (len(self.hidden_intercept_), self.activation_) == own

    def _describe(self, *fit):
        own = {"n_hidden": self.n_hidden, "activation": self.activation, "dropout": self.dropout}
        return super()._describe(*fit) | own

    def _check_file(self):
        n_features, n_hidden = self.n_features_in_, max(1, self.hidden_intercept_.size)
        shapes = {
            "hidden_intercept_": (n_hidden,),
            "input_weights_": (n_features, n_hidden),
            "output_weights_": (n_features, n_hidden),
            "intercept_": (n_features,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.dtype != np.float64 or not np.isfinite(array).all():
                raise ValueError(f"{name} that is not finite")
            if array.shape != shape:
                raise ValueError(f"{name} of shape {array.shape}")
        if self.activation_ not in NADE_ACTIVATIONS:
            raise ValueError(f"activation_ {self.activation_!r}")
        if not is_permutation(self.order_, self.n_features_in_):
            raise ValueError("order_ that is no permutation")

    def _conditionals(self):
        order = self.order_
        natural = np.array_equal(order, np.arange(len(order)))
        own = slice(None) if natural else order
        return NetworkConditionals(
            self.output_weights_[own],
            self.intercept_[own],
            self.input_weights_[own],
            self.hidden_intercept_,
            self.activation_,
            None if natural else order,
        )
