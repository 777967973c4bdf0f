"""What a peer is: a name, and a method for each kind of problem that it solves.

``peer.<kind>(problem, threads)`` brings the data into the form that the peer likes best, and returns two
functions: ``call()``, which is timed, and ``read(answer)``, which turns what `call` returned into NumPy
arrays in the form of the kind:

=====================  ===========================================================================
value_and_gradient     summed log-likelihood, its gradient in coef (strict lower triangle is read) and
                       in intercept
score_samples          log-likelihood of each row
sample                 a table of zeros and ones
pack                   the table, unpacked again
gram                   the matrix of counts
fit                    coef and intercept at the optimum; None for a model of another kind
..._expectation        a mean, and its standard error or None
divergence             Kullback-Leibler divergence of each row; None for what is only a bound
pairwise_divergence    the matrix of divergences
mutual_information     the matrix of all pairs of columns
epoch                  coef and intercept after it
network_gradient       summed log-likelihood of NADE, and its gradient in output weights, biases of the
                       columns, input weights and biases of the hidden units
network_sample         a table of zeros and ones
distinct_rows          how often each distinct row occurs, in any order
=====================  ===========================================================================

A `call` with an attribute `prepare` has that called before each of its runs, and not timed.

A solver may also have ``curve(problem, threads, seconds)``: it works for so long at most, and returns how
many seconds had gone, and the objective, after each of its steps, as a Curve; and coef and intercept.
"""

import math
import time


class Unsuitable(Exception):
    """Raised by a peer's method: the reason why it does not solve this problem."""


class Peer:
    """Base of all peers.

    `slack` widens the tolerances of problems: they are what double precision, and this library's single
    precision, must keep; plain single precision sums of many terms cannot.
    """

    name: str
    slack = 1.0

    def solves(self, problem):
        return hasattr(self, problem.kind)


class SinglePrecision(Peer):
    slack = 100.0


def loosest(problem, fit, read):
    """Return the largest power of ten with which ``fit(tol)`` gives an answer that the problem accepts.

    Every solver has its own meaning of a tolerance; so each is asked for as little as is accepted. Near the
    optimum the gap falls with the tolerance's square at the quickest: powers that cannot do are left out.
    """
    wanted, power = problem.tolerance["objective"], 3
    while power <= 10:
        tol = 10.0**-power
        gap = problem.errors(read(fit(tol)))["objective"]
        if gap <= wanted:
            return tol
        power += max(1, math.floor(0.5 * math.log10(gap / wanted)))
    raise Unsuitable("does not come near enough to the optimum")


class Curve:
    """The seconds gone, and the objective, after each step of a solver."""

    def __init__(self, seconds):
        self.seconds, self.objective = [], []
        self._limit = seconds
        self._start = time.perf_counter()

    @property
    def elapsed(self):
        return time.perf_counter() - self._start

    @property
    def over(self):
        return self.elapsed > self._limit

    def add(self, objective):
        self.seconds.append(self.elapsed)
        self.objective.append(float(objective))


def same(answer):
    """The `read` of a peer whose answer has its form already."""
    return answer
