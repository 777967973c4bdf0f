"""One file a peer, all with the same signature.

``prepare(problem)`` brings the table into the form that the peer likes best, before the clock starts.
``fit(problem, table, n_jobs)`` returns ``(coef, intercept)`` of shapes (d, d) and (d,). ``NAME`` is shown
in reports.
"""

from . import fastmle_fvsbn, sklearn_liblinear, sklearn_newton

FIT_PEERS = (fastmle_fvsbn, sklearn_newton, sklearn_liblinear)
