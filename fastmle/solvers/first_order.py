r"""First-order optimisers: small objects over flat arrays that know nothing of models or data.

All of them descend. What they descend is the *slope*: `scale` times the gradient handed in, plus `penalty`
times the weights, which is the gradient of penalty/2 ||weights||^2. So who has the gradient of a sum to be
maximised passes ``scale=-1/n``, and no pass through memory is spent on dividing, negating or adding.
"""

import math

import numpy as np

from .. import kernels
from ._checks import check_number
from .layout import Layout


class _Optimizer:
    """What the optimisers share: their step number, their arrays, and the way through a layout."""

    # Names of the arrays that go along with the parameters.
    _arrays = ()
    weight_decay = 0.0

    def __init__(self):
        self.n_steps = 0
        self._state = {}

    def __repr__(self):
        settings = (f"{k}={v!r}" for k, v in vars(self).items() if k != "n_steps" and not k.startswith("_"))
        return f"{type(self).__name__}({', '.join(settings)})"

    def update(
        self, parameters, gradient, learning_rate, *, scale=1.0, penalty=0.0, layout=None, n_jobs=None
    ):
        """Take a step, in place.

        Parameters
        ----------
        parameters : ndarray of float32 or float64, one-dimensional
            Where to start; overwritten.
        gradient : ndarray of the same dtype and shape
            Left as it is.
        learning_rate : float
            Of this step.
        scale : float, default=1.0
            Multiplies the gradient.
        penalty : float, default=0.0
            Multiplies the weights, and is added to the slope: of an L2 penalty.
        layout : Layout or None, default=None
            Which entries are parameters; None means that all are weights.
        n_jobs : int or None, default=None
            Number of threads; the result is the same bits for any.

        Raises
        ------
        ValueError
            If the arrays do not fit together, or not with those of the steps before.
        """
        layout = _check_arrays(parameters, gradient, layout)
        if not self._state:
            self._state = {name: np.zeros_like(parameters) for name in self._arrays}
        self._check_state(parameters)
        self.n_steps += 1
        keep = 1.0 - learning_rate * self.weight_decay

        def step(runs, are_weights):
            settings = (runs, scale, penalty, keep) if are_weights else (runs, scale, 0.0, 1.0)
            self._step(parameters, gradient, *settings, learning_rate)

        layout.map(step, n_jobs=n_jobs)

    def _step(self, parameters, gradient, runs, scale, penalty, keep, learning_rate):
        raise NotImplementedError

    def _check_state(self, parameters):
        for name, array in self._state.items():
            if array.shape != parameters.shape or array.dtype != parameters.dtype:
                raise ValueError(
                    f"the parameters are {parameters.dtype} of shape {parameters.shape}, but {name} of "
                    f"{type(self).__name__} is {array.dtype} of shape {array.shape}: an optimiser goes on "
                    "with the parameters that it began with; make a new one for others"
                )

    def state(self):
        """Return a copy of the state: a dict of arrays, the step number being one without dimensions."""
        return {"n_steps": np.array(self.n_steps), **{k: v.copy() for k, v in self._state.items()}}

    def restore(self, state):
        """Take over a state, after which the steps are the same bits as those of the optimiser it came from.

        Parameters
        ----------
        state : dict of str to ndarray
            As :meth:`state` returns it.

        Raises
        ------
        ValueError
            If it is the state of another kind of optimiser.
        """
        n_steps = int(state["n_steps"]) if "n_steps" in state else 0
        expected = {"n_steps", *(self._arrays if n_steps else ())}
        if set(state) != expected:
            raise ValueError(
                f"this is no state of {type(self).__name__}: it has {', '.join(sorted(state))}, expected "
                f"{', '.join(sorted(expected))}"
            )
        self._state = {name: np.array(state[name]) for name in expected - {"n_steps"}}
        self.n_steps = n_steps


def _check_arrays(parameters, gradient, layout):
    """Return the layout of the parameters, or raise a ValueError."""
    if parameters.ndim != 1 or parameters.dtype not in (np.float32, np.float64):
        raise ValueError(
            "parameters must be a one-dimensional array of float32 or float64, not "
            f"{parameters.dtype} of shape {parameters.shape}"
        )
    if gradient.shape != parameters.shape or gradient.dtype != parameters.dtype:
        raise ValueError(
            f"the gradient is {gradient.dtype} of shape {gradient.shape}, the parameters are "
            f"{parameters.dtype} of shape {parameters.shape}"
        )
    if layout is None:
        return Layout.whole(len(parameters))
    if layout.stop > len(parameters):
        raise ValueError(f"the layout needs {layout.stop} entries, the parameters have {len(parameters)}")
    return layout


def slope_norm(parameters, gradient, *, scale=1.0, penalty=0.0, layout=None, n_jobs=None):
    """Return the Euclidean norm of the slope.

    Parameters
    ----------
    parameters, gradient, scale, penalty, layout, n_jobs
        As in the `update` of an optimiser; nothing is overwritten.

    Returns
    -------
    float
        NaN or infinite if an entry is.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.solvers import slope_norm
    >>> slope_norm(np.zeros(2), np.array([3.0, 4.0]), scale=0.5)
    2.5
    """
    layout = _check_arrays(parameters, gradient, layout)

    for unit in (1.0, 2.0**600):  # in which the squares of very large slopes do not overflow

        def measure(runs, are_weights, unit=unit):
            squares = np.zeros(1)
            own = penalty if are_weights else 0.0
            kernels.measure_slope(parameters, gradient, runs, scale / unit, own / unit, squares)
            return float(squares[0])

        norm = unit * math.sqrt(sum(layout.map(measure, n_jobs=n_jobs)))
        if norm != math.inf:
            break
    return norm


def move_towards(average, parameters, share, *, layout=None, n_jobs=None):
    """Replace an average by (1 - share) times itself plus `share` times the parameters."""
    layout = _check_arrays(average, parameters, layout)

    def move(runs, are_weights):
        kernels.update_sgd(average, parameters, runs, -1.0, 0.0, 1.0 - share, share)

    layout.map(move, n_jobs=n_jobs)


class SGD(_Optimizer):
    r"""Stochastic gradient descent.

    Parameters
    ----------
    weight_decay : float, default=0.0
        Share of the learning rate by which weights shrink in a step, apart from the slope.

    Notes
    -----
    With learning rate :math:`\eta` and slope g a step is
    :math:`\theta \leftarrow (1 - \eta \lambda) \theta - \eta g` [1]_.

    References
    ----------
    .. [1] Robbins, H. and Monro, S. A stochastic approximation method. Ann. Math. Statist. 22 (1951).

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.solvers import SGD
    >>> x = np.array([1.0, 2.0])
    >>> SGD().update(x, gradient=np.array([2.0, -2.0]), learning_rate=0.25)
    >>> x
    array([0.5, 2.5])
    """

    def __init__(self, *, weight_decay=0.0):
        super().__init__()
        self.weight_decay = check_number("weight_decay", weight_decay, closed=True)

    def _step(self, parameters, gradient, *settings):
        kernels.update_sgd(parameters, gradient, *settings)


class Momentum(_Optimizer):
    r"""Gradient descent with momentum: the heavy ball, or Nesterov's accelerated gradient.

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the velocity that is left after a step, from 0 on and less than 1.
    nesterov : bool, default=False
        Whether to step along what the velocity would become with the same slope once more.
    weight_decay : float, default=0.0
        As in :class:`SGD`.

    Notes
    -----
    With slope g, :math:`v \leftarrow \mu v + g`, and the step is :math:`-\eta v` (heavy ball [1]_) or
    :math:`-\eta (\mu v + g)` (Nesterov, in the form of [2]_).

    References
    ----------
    .. [1] Polyak, B. T. Some methods of speeding up the convergence of iteration methods. USSR Comput. Math.
       Math. Phys. 4 (1964).
    .. [2] Sutskever, I. et al. On the importance of initialization and momentum in deep learning. ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.solvers import Momentum
    >>> x, optimizer = np.array([1.0]), Momentum(momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.update(x, gradient=np.array([1.0]), learning_rate=0.1)
    >>> x
    array([0.75])
    """

    _arrays = ("velocity",)

    def __init__(self, *, momentum=0.9, nesterov=False, weight_decay=0.0):
        super().__init__()
        self.momentum = check_number("momentum", momentum, high=1.0, closed=True)
        self.nesterov = bool(nesterov)
        self.weight_decay = check_number("weight_decay", weight_decay, closed=True)

    def _step(self, parameters, gradient, *settings):
        velocity = self._state["velocity"]
        kernels.update_momentum(parameters, gradient, velocity, *settings, self.momentum, self.nesterov)


class Adam(_Optimizer):
    r"""Adaptive moments: steps along an average of slopes, divided by the root of that of their squares.

    Parameters
    ----------
    beta1, beta2 : float, default=0.9 and 0.999
        Shares of the averages of slopes, and of their squares, that are left after a step; from 0 on and less
        than 1.
    epsilon : float, default=1e-8
        Added to the root.

    Notes
    -----
    :math:`m \leftarrow \beta_1 m + (1 - \beta_1) g`, :math:`v \leftarrow \beta_2 v + (1 - \beta_2) g^2`, and
    step t, from 1 on, is :math:`-\eta\, \hat m / (\sqrt{\hat v} + \epsilon)` with
    :math:`\hat m = m / (1 - \beta_1^t)` and :math:`\hat v = v / (1 - \beta_2^t)` [1]_.

    References
    ----------
    .. [1] Kingma, D. P. and Ba, J. Adam: a method for stochastic optimization. ICLR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.solvers import Adam
    >>> x = np.array([1.0, 1.0])
    >>> Adam().update(x, gradient=np.array([1e-3, -1e3]), learning_rate=0.1)
    >>> x.round(4)  # the first step has the size of the learning rate
    array([0.9, 1.1])
    """

    _arrays = ("first_moment", "second_moment")

    def __init__(self, *, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__()
        self.beta1 = check_number("beta1", beta1, high=1.0, closed=True)
        self.beta2 = check_number("beta2", beta2, high=1.0, closed=True)
        self.epsilon = check_number("epsilon", epsilon)

    def _step(self, parameters, gradient, *settings):
        moments = (self._state[name] for name in self._arrays)
        own = self.beta1, self.beta2, self.epsilon, self.n_steps
        kernels.update_adam(parameters, gradient, *moments, *settings, *own)


class AdamW(Adam):
    r"""Adam with decoupled weight decay.

    Parameters
    ----------
    beta1, beta2, epsilon
        As in :class:`Adam`.
    weight_decay : float, default=0.01
        Share of the learning rate by which weights shrink in a step. It is no penalty: it does not go
        through the averages, so weights of small and of large slopes decay alike.

    References
    ----------
    Loshchilov, I. and Hutter, F. Decoupled weight decay regularization. ICLR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.solvers import AdamW
    >>> x = np.array([1.0, 1.0])
    >>> AdamW(weight_decay=1.0).update(x, gradient=np.array([0.0, 1.0]), learning_rate=0.1)
    >>> x.round(4)
    array([0.9, 0.8])
    """

    def __init__(self, *, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01):
        super().__init__(beta1=beta1, beta2=beta2, epsilon=epsilon)
        self.weight_decay = check_number("weight_decay", weight_decay, closed=True)


OPTIMIZERS = {"sgd": SGD, "momentum": Momentum, "adam": Adam, "adamw": AdamW}
