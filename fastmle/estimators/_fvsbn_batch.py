"""The batch fit of the FVSBN: to the optimum, every column for itself."""

import os
import time
import warnings

import numpy as np

from ..data.duplicates import worth_merging
from ..engine import single_threaded_blas
from ..exceptions import ConvergenceWarning, SeparationWarning, caller_level
from ..objectives import FVSBNObjective
from ..solvers import Stage, minimize_rows
from ._base import in_order
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


class BatchFits:
    """The part of FVSBN that fits all rows at once."""

    def _fit_batch(self, X, bits):
        """Fit to the optimum, and return the fitted attributes."""
        order = self._make_order(bits.shape[1])
        ordered = in_order(bits, order, self.n_jobs)
        if worth_merging(ordered):
            ordered = ordered.distinct_rows(n_jobs=self.n_jobs)
        objective = FVSBNObjective(
            ordered,
            alpha=self.alpha,
            smoothing=self.smoothing,
            label_smoothing=self.label_smoothing,
            n_jobs=self.n_jobs,
        )
        with single_threaded_blas():
            result, infinite, seconds = self._solve(objective, order, X, bits)
        self._warn_of_infinite(order[infinite], bits.feature_names)
        self._warn_of_missed(result, objective.scale, order, bits.feature_names)
        converged = bool(result.converged.all())
        stopped = "max_iter" if result.n_iter >= self.max_iter else "callback"
        return _in_original_columns(result.x, order) | {
            "n_iter_": result.n_iter,
            "converged_": converged,
            "stopped_": "tol" if converged else stopped,
            "best_epoch_": None,
            "loss_curve_": np.asarray(result.curve) / objective.scale,
            "validation_curve_": np.empty(0),
            "seconds_curve_": np.array(seconds),
            "n_samples_seen_": bits.shape[0],
            "total_weight_": bits.total_weight,
        }

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
        """Return the solver's result, the columns whose optimum lies at infinity, and seconds of passes."""
        began = time.monotonic()
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
            seconds.append(time.monotonic() - began)
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
        seconds = [time.monotonic() - began]
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
        if self.alpha == 0 and self.label_smoothing == 0:
            infinite = np.union1d(infinite, objective.separable(result.x, np.flatnonzero(finite)))
        return result, infinite, seconds

    def _warn_of_infinite(self, columns, feature_names):
        """Warn of columns whose estimate lies at infinity, by their original places."""
        if len(columns):
            warnings.warn(
                "The maximum likelihood estimate lies at infinity for column(s) "
                f"{name_columns(np.sort(columns), feature_names)}: a single outcome was seen, or "
                "the columns before predict it without error. Some rows may score -inf, or extremely "
                "low; set alpha > 0 and smoothing > 0 for finite estimates.",
                SeparationWarning,
                stacklevel=caller_level(),
            )

    def _warn_of_missed(self, result, scale, order, feature_names):
        missed = np.flatnonzero(~result.converged)
        if len(missed):
            warnings.warn(
                f"FVSBN did not converge in {len(missed)} of {len(order)} columns "
                f"({name_columns(np.sort(order[missed]), feature_names)}) after {result.n_iter} passes: "
                f"the largest gradient entry is {result.gradient_norm.max() / scale:.2g} a row, the largest "
                f"expected gain {result.excess.max() / scale:.2g} nats a row, tol={self.tol:g}. Increase "
                f"max_iter (now {self.max_iter}) or alpha, or accept a larger tol.",
                ConvergenceWarning,
                stacklevel=caller_level(),
            )


def _in_original_columns(theta, order):
    """Return the fitted attributes that the solver's parameters, in autoregressive order, stand for."""
    coef = np.zeros_like(theta)
    coef[:, :-1] = theta[:, 1:]
    place = np.argsort(order)
    return {"coef_": coef[np.ix_(place, place)], "intercept_": theta[place, 0], "order_": order}


# Square arrays of the size of coef_ that a fit holds at its peak: parameters, gradients and steps, the
# Gram matrix and its factor, and the solver's rings, three triangles for each pair that it keeps.
_SQUARES = 26
# Numbers that the solver may remember: 64 MB of them, so that a fit of 1000 columns stays below 300 MB.
_REMEMBERED = 2**23


def _memory(n_features):
    """Return how many steps the solver remembers of each column, three triangles of numbers a step."""
    return int(np.clip(_REMEMBERED // (3 * n_features * (n_features + 1) // 2), 6, 16))


def refuse_too_wide(n_features):
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
