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
=====================  ===========================================================================
"""


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


def same(answer):
    """The `read` of a peer whose answer has its form already."""
    return answer
