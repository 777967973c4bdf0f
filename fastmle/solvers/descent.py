"""Steps along minibatches: gradient, penalty, clipping, learning rate, optimiser, average of iterates."""

import math
from typing import NamedTuple

import numpy as np

from ..exceptions import DivergenceError
from ._checks import check_count, check_number
from .first_order import move_towards, slope_norm
from .layout import Layout
from .schedules import Constant


class Slope(NamedTuple):
    """What some batches say about the parameters."""

    value: float  # summed log-likelihood
    gradient: np.ndarray  # of that sum
    n_rows: int
    norm: float  # of the gradient of what is minimised: per row, with the penalty


class StochasticDescent:
    r"""Descent of a mean over rows, a step at a time, along minibatches.

    What is minimised is the mean negative log-likelihood per row and a penalty on the weights,

    .. math:: F(\theta) = -\frac{1}{n} \sum_{r=1}^n w_r \log p_\theta(x_r)
              + \frac{\lambda}{2} \lVert W \rVert^2,

    the weights :math:`w_r` of the rows having a mean of 1. A callable gives the *sum* of the
    log-likelihoods of a batch's rows, and its gradient, as the passes of :mod:`fastmle.likelihood` do.
    Here, and nowhere else, it is divided by the number b of rows and negated, which makes it an unbiased
    estimate; multiplied by n it would be one of the sum over the data, (n/b) times that of the batch.

    Parameters
    ----------
    value_and_gradient : callable
        ``value_and_gradient(batch, parameters)`` returns the summed log-likelihood of a batch, in nats, and
        its gradient, an array like the parameters. The gradient is not used beyond the next call.
    parameters : ndarray of float32 or float64, one-dimensional
        Where to start; overwritten.
    optimizer : SGD, Momentum, Adam or AdamW
        What makes the steps.
    learning_rate : float
        Positive.
    schedule : callable or None, default=None
        Factor of the learning rate at a step, see :mod:`.schedules`; None is constant.
    penalty : float, default=0.0
        :math:`\lambda`: an ``alpha`` of the sum over the data is ``alpha / n``, with n their total weight.
        In a stream it may be set anew between two steps.
    clip_norm : float or None, default=None
        Longer slopes are shortened to this Euclidean norm [1]_.
    average_from : int or None, default=None
        From this step on, the mean of the iterates is kept as well [2]_.
    average_power : float, default=0.0
        The t-th iterate of the mean weighs about t to this power: the larger, the sooner a bad start is
        forgotten, with no need to know the number of steps [3]_.
    n_averaged : int, default=0
        Number of iterates that the start counts as in the mean: of steps that were taken elsewhere.
    layout : Layout or None, default=None
        Which entries are parameters and which of these weights; None means that all are weights.
    n_jobs : int or None, default=None
        Number of threads; the result is the same bits for any.

    Attributes
    ----------
    n_steps : int
        Number of steps taken.
    learning_rate : float
        That of the next step.
    average : ndarray or None
        Mean of the iterates, once it has begun.
    place : tuple of int
        Of the batch that is being evaluated: number of the step, and of the batch among those of the step.
        A callable that draws random numbers keys them by it, which makes them those of a resumed run, too.

    Raises
    ------
    ValueError
        If a number makes no sense, or the arrays do not fit.

    References
    ----------
    .. [1] Pascanu, R. et al. On the difficulty of training recurrent neural networks. ICML 2013.
    .. [2] Polyak, B. T. and Juditsky, A. B. Acceleration of stochastic approximation by averaging. SIAM J.
       Control Optim. 30 (1992).
    .. [3] Shamir, O. and Zhang, T. Stochastic gradient descent for non-smooth optimization: convergence
       results and optimal averaging schemes. ICML 2013.

    Examples
    --------
    Rows of one bit, whose log-odds are sought:

    >>> import numpy as np
    >>> from fastmle.solvers import SGD, StochasticDescent
    >>> def value_and_gradient(batch, log_odds):
    ...     p = 1 / (1 + np.exp(-log_odds))
    ...     return np.log(np.where(batch, p, 1 - p)).sum(), np.sum(batch - p, keepdims=True)
    >>> descent = StochasticDescent(value_and_gradient, np.zeros(1), SGD(), learning_rate=4.0)
    >>> for _ in range(50):
    ...     value = descent.step([np.array([1, 1, 0])])
    >>> descent.parameters.round(4)  # log(2)
    array([0.6931])
    """

    def __init__(
        self,
        value_and_gradient,
        parameters,
        optimizer,
        *,
        learning_rate,
        schedule=None,
        penalty=0.0,
        clip_norm=None,
        average_from=None,
        average_power=0.0,
        n_averaged=0,
        layout=None,
        n_jobs=None,
    ):
        self.parameters = parameters
        self.optimizer = optimizer
        self.penalty = check_number("penalty", penalty, closed=True)
        self.layout = Layout.whole(len(parameters)) if layout is None else layout
        self.n_jobs = n_jobs
        self.average = None
        self._value_and_gradient = value_and_gradient
        self._base_rate = check_number("learning_rate", learning_rate)
        self._schedule = Constant() if schedule is None else schedule
        self._clip_norm = math.inf if clip_norm is None else check_number("clip_norm", clip_norm)
        self._average_from = None if average_from is None else check_count("average_from", average_from, 0)
        self._average_power = check_number("average_power", average_power, closed=True)
        self._n_averaged = check_count("n_averaged", n_averaged, 0)
        if n_averaged:
            self.average = parameters.copy()
        self.place = (0, 0)
        self._sum = None  # of the gradients of several batches

    @property
    def n_steps(self):
        """Number of steps taken."""
        return self.optimizer.n_steps

    @property
    def learning_rate(self):
        """Learning rate of the next step."""
        return self.rate_at(self.n_steps)

    def rate_at(self, step):
        """Return the learning rate of a step, from 0 on."""
        factor = self._schedule(step)
        return self._base_rate * check_number(f"what schedule returns at step {step}", factor, closed=True)

    @property
    def point(self):
        """What has been found so far: the mean of the iterates, or where there is none the last of them."""
        return self.parameters if self.average is None else self.average

    def check_parameters(self):
        """Raise a DivergenceError if the last step has left a parameter that is not finite."""
        norm = slope_norm(self.parameters, self.parameters, layout=self.layout, n_jobs=self.n_jobs)
        if not math.isfinite(norm):
            rate = self.rate_at(self.n_steps - 1)
            raise DivergenceError(
                f"a parameter is not finite after a step of learning rate {rate:g}; lower it, or set "
                "clip_norm",
                learning_rate=rate,
            )

    def step(self, batches):
        """Take a step along the gradient of one or several batches, as if they were one.

        Parameters
        ----------
        batches : sequence
            Batches; the length of one is its number of rows.

        Returns
        -------
        Slope
            That of the step.

        Raises
        ------
        DivergenceError
            If value or gradient are not finite; nothing has changed then.
        """
        slope = self.evaluate(batches)
        self.move(slope)
        return slope

    def evaluate(self, batches):
        """Return the :class:`Slope` at the parameters, by some batches: the first half of a step."""
        value, gradient = self._add_up(batches)
        n_rows = sum(len(batch) for batch in batches)
        norm = slope_norm(
            *(self.parameters, gradient),
            scale=-1.0 / n_rows,
            penalty=self.penalty,
            layout=self.layout,
            n_jobs=self.n_jobs,
        )
        slope = Slope(float(value), gradient, n_rows, norm)
        if not (math.isfinite(slope.value) and math.isfinite(norm)):
            raise DivergenceError(
                f"step {self.n_steps}, of learning rate {self.learning_rate:g}, met a log-likelihood of "
                f"{slope.value:g} and a gradient of norm {norm:g}; lower the learning rate, or set clip_norm",
                learning_rate=self.learning_rate,
            )
        return slope

    def move(self, slope, share=1.0):
        """Take the step along a slope that has just been evaluated: the second half of a step.

        Parameters
        ----------
        slope : Slope
            What :meth:`evaluate` has returned.
        share : float, default=1.0
            Multiplies the learning rate of this step.
        """
        shortened = min(1.0, self._clip_norm / slope.norm) if slope.norm > 0 else 1.0
        self.optimizer.update(
            *(self.parameters, slope.gradient, share * self.learning_rate),
            scale=-shortened / slope.n_rows,
            penalty=shortened * self.penalty,
            layout=self.layout,
            n_jobs=self.n_jobs,
        )
        if self._average_from is None or self.n_steps <= self._average_from:
            return
        self._n_averaged += 1
        if self.average is None:
            self.average = self.parameters.copy()
        else:
            share = (1.0 + self._average_power) / (self._n_averaged + self._average_power)
            move_towards(self.average, self.parameters, share, layout=self.layout, n_jobs=self.n_jobs)

    def _add_up(self, batches):
        if len(batches) == 1:
            return self._evaluate(batches[0], 0)
        if self._sum is None:
            self._sum = np.empty_like(self.parameters)
        value, self._sum[:] = self._evaluate(batches[0], 0)
        for number, batch in enumerate(batches[1:], start=1):
            more, gradient = self._evaluate(batch, number)
            value += more
            self._sum += gradient
        return value, self._sum

    def _evaluate(self, batch, number):
        self.place = (self.n_steps, number)
        return self._value_and_gradient(batch, self.parameters)

    def state(self):
        """Return a copy of all that the next steps depend on: a flat dict of arrays, fit for a file."""
        state = {"parameters": self.parameters.copy(), "n_averaged": np.array(self._n_averaged)}
        if self.average is not None:
            state["average"] = self.average.copy()
        return state | {f"optimizer.{name}": array for name, array in self.optimizer.state().items()}

    def restore(self, state):
        """Take over a state: the steps that follow are the same bits as those of the run that it came from.

        Parameters
        ----------
        state : dict of str to ndarray
            As :meth:`state` returns it; more entries do not matter.

        Raises
        ------
        ValueError
            If it belongs to parameters of another shape, or to another kind of optimiser; nothing has changed
            then.
        """
        for name in ("parameters", "n_averaged"):
            if name not in state:
                raise ValueError(f"this is no state of a descent: {name!r} is missing")
        own = self.parameters.dtype, self.parameters.shape
        of_optimizer = {
            k.removeprefix("optimizer."): v for k, v in state.items() if k.startswith("optimizer.")
        }
        alike = {"parameters", "average", "best", *(f"optimizer.{name}" for name in of_optimizer)}
        for name in alike.intersection(state) - {"optimizer.n_steps"}:
            if (state[name].dtype, state[name].shape) != own:
                raise ValueError(
                    f"the state is of another model: its {name} is {state[name].dtype} of shape "
                    f"{state[name].shape}, the parameters are {own[0]} of shape {own[1]}"
                )
        self.optimizer.restore(of_optimizer)
        self.parameters[:] = state["parameters"]
        self._n_averaged = int(state["n_averaged"])
        self.average = np.array(state["average"]) if "average" in state else None
