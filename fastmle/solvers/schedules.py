"""Learning-rate schedules: pure functions of the step number.

A schedule is called with the number of the step, from 0 on, and returns the factor that multiplies the
learning rate there. It has no state, so a run that is resumed goes on where it was. Lengths are in steps.
"""

import dataclasses
import math
from collections.abc import Callable

from ._checks import check_count, check_number


@dataclasses.dataclass(frozen=True)
class Constant:
    """The same learning rate all along.

    Examples
    --------
    >>> from fastmle.solvers import Constant
    >>> Constant()(1000)
    1.0
    """

    def __call__(self, step):
        return 1.0


def _check_length(schedule):
    name = type(schedule).__name__
    if schedule.length is None:
        raise ValueError(
            f"the schedule {name} needs a length, in steps. Give one, or take Constant or InverseSquareRoot "
            "where the number of steps is not known"
        )
    check_count(f"the length of the schedule {name}", schedule.length)


@dataclasses.dataclass(frozen=True)
class InverseSquareRoot:
    r"""Falls as :math:`1 / \sqrt{1 + t / T}` at step t, for runs of any length.

    Parameters
    ----------
    length : int, default=1
        T, the number of steps after which the rate has fallen to :math:`1 / \sqrt 2`.

    Notes
    -----
    The decay with which stochastic gradient descent attains the best order of convergence on convex problems
    [1]_.

    References
    ----------
    .. [1] Nemirovski, A. et al. Robust stochastic approximation approach to stochastic programming. SIAM J.
       Optim. 19 (2009).

    Examples
    --------
    >>> from fastmle.solvers import InverseSquareRoot
    >>> InverseSquareRoot(100)(300)
    0.5
    """

    length: int = 1

    def __post_init__(self):
        _check_length(self)

    def __call__(self, step):
        return 1.0 / math.sqrt(1.0 + step / self.length)


@dataclasses.dataclass(frozen=True)
class Step:
    """Falls by a factor after every `length` steps.

    Parameters
    ----------
    length : int
        Number of steps with the same rate.
    factor : float, default=0.1
        Between 0 and 1.

    Examples
    --------
    >>> from fastmle.solvers import Step
    >>> [Step(10, factor=0.5)(step) for step in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """

    length: int | None = None
    factor: float = 0.1

    def __post_init__(self):
        _check_length(self)
        check_number("the factor of the schedule Step", self.factor, high=1.0)

    def __call__(self, step):
        return self.factor ** (step // self.length)


@dataclasses.dataclass(frozen=True)
class Cosine:
    """Falls along half a period of a cosine, and stays at its end.

    Parameters
    ----------
    length : int
        Number of steps until the end.
    final : float, default=0.0
        The factor at the end, from 0 on and less than 1.

    References
    ----------
    Loshchilov, I. and Hutter, F. SGDR: stochastic gradient descent with warm restarts. ICLR 2017.

    Examples
    --------
    >>> from fastmle.solvers import Cosine
    >>> [round(Cosine(10)(step), 4) for step in (0, 5, 10, 11)]
    [1.0, 0.5, 0.0, 0.0]
    """

    length: int | None = None
    final: float = 0.0

    def __post_init__(self):
        _check_length(self)
        check_number("the final factor of the schedule Cosine", self.final, high=1.0, closed=True)

    def __call__(self, step):
        done = min(step / self.length, 1.0)
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * done))


@dataclasses.dataclass(frozen=True)
class WarmUp:
    """Rises linearly before another schedule begins.

    Parameters
    ----------
    length : int
        Number of steps until the full learning rate.
    after : callable, default=Constant()
        The schedule from there on; its steps count from there.

    Examples
    --------
    >>> from fastmle.solvers import Cosine, WarmUp
    >>> schedule = WarmUp(4, after=Cosine(10))
    >>> [round(schedule(step), 4) for step in (0, 1, 3, 4, 9)]
    [0.25, 0.5, 1.0, 1.0, 0.5]
    """

    length: int | None = None
    after: Callable[[int], float] = Constant()

    def __post_init__(self):
        _check_length(self)
        if not callable(self.after):
            raise ValueError(f"after must be a schedule, a function of the step number, got {self.after!r}")

    def __call__(self, step):
        return (step + 1) / self.length if step < self.length else self.after(step - self.length)


_BY_NAME = {"constant": Constant, "inverse_sqrt": InverseSquareRoot, "step": Step, "cosine": Cosine}


def make_schedule(name, *, length=None, warm_up=0):
    """Return the schedule of a name.

    Parameters
    ----------
    name : {"constant", "inverse_sqrt", "step", "cosine"} or callable
        The schedule; a function of the step number is taken as it is.
    length : int or None, default=None
        Its length in steps, where it has one and needs or is to have another than its default.
    warm_up : int, default=0
        Number of steps of a linear rise before it.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If there is no schedule of that name, it needs a length that is not given, or a number makes no sense.

    Examples
    --------
    >>> from fastmle.solvers import make_schedule
    >>> make_schedule("cosine", length=1000, warm_up=100)
    WarmUp(length=100, after=Cosine(length=1000, final=0.0))
    """
    if callable(name):
        schedule = name
    elif name in _BY_NAME:
        takes_length = name != "constant" and length is not None
        schedule = _BY_NAME[name](length) if takes_length else _BY_NAME[name]()
    else:
        raise ValueError(f"schedule must be one of {', '.join(_BY_NAME)} or a function, got {name!r}")
    return WarmUp(warm_up, schedule) if check_count("warm_up", warm_up, 0) else schedule
