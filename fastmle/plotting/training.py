"""Training curves of models: log-likelihood against epochs or seconds."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import make_axes
from ._curves import distinguished, once

_LABELS = {
    "epochs": "Epochs (passes over the data)",
    "batches": "Batches of the stream",
    "seconds": "Seconds",
}


class TrainingCurve(NamedTuple):
    """One run of a :class:`TrainingCurveDisplay`.

    Attributes
    ----------
    name : str
        Name in the legend.
    training : ndarray of float64, shape (n_points,)
        Mean log-likelihood of the training rows, nats a row.
    validation : ndarray of float64, shape (n_points,) or (0,)
        That of the rows held out; empty without any.
    position : ndarray of int64, shape (n_points,)
        Number of epochs or batches behind each point.
    seconds : ndarray of float64, shape (n_points,) or (0,)
        Seconds behind each point; empty where they are not known.
    unit : {"epochs", "batches"}
        What `position` counts: batches in a stream, which has no epochs.
    penalised : bool
        Whether the penalty has been taken off `training`, as it is off the batch solver's objective.
    best_epoch : int or None
        Number of epochs after which `validation` was highest.
    """

    name: str
    training: np.ndarray
    validation: np.ndarray
    position: np.ndarray
    seconds: np.ndarray
    unit: str = "epochs"
    penalised: bool = False
    best_epoch: int | None = None


class TrainingCurveDisplay:
    """Log-likelihood of training rows and of rows held out, against epochs or seconds.

    Make one with :meth:`from_estimator` or :meth:`from_estimators`. scikit-learn's ``LearningCurveDisplay``
    is something else: scores against the number of training rows.

    Parameters
    ----------
    curves : list of TrainingCurve
        What to draw.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the curves were drawn.
    figure_ : matplotlib.figure.Figure
        The figure of it.
    lines_ : list of matplotlib.lines.Line2D
        Curves of the training rows.
    validation_lines_ : list of matplotlib.lines.Line2D or None
        Those of the rows held out, dashed and of the same colour; None for a run without any.
    best_markers_ : list of matplotlib.lines.Line2D or None
        Their best epochs, whose parameters the model has; None for a run without any.

    See Also
    --------
    GradientNoiseDisplay : The variance of minibatch gradients.
    fastmle.FVSBN : Its ``loss_curve_``, ``validation_curve_`` and ``seconds_curve_``.

    Notes
    -----
    What a point of the training curve is depends on the solver. The batch solver tells its objective after
    each pass, divided by the weight of the rows, hence with the penalty: it is marked "penalised". A
    stochastic solver tells the mean over the rows of an epoch, each at the parameters where its turn came,
    without the penalty. So it is about half an epoch behind the validation, which is that of the parameters
    after the epoch, or of their average: early in a fit the validation may be the higher one.

    Examples
    --------
    >>> from fastmle import FVSBN
    >>> from fastmle.plotting import TrainingCurveDisplay
    >>> X = [[0, 0], [0, 1], [1, 1], [1, 1]]
    >>> models = {"batch": FVSBN().fit(X), "adamw": FVSBN(solver="adamw", random_state=0).fit(X, X_val=X)}
    >>> display = TrainingCurveDisplay.from_estimators(models, x="seconds")  # doctest: +SKIP
    >>> display.figure_.savefig("curves.png")  # doctest: +SKIP
    """

    def __init__(self, curves):
        self.curves = curves

    @classmethod
    def from_estimator(cls, model, *, x="epochs", ax=None, name=None, **line_options):
        """Draw the curves of a fitted model.

        Parameters
        ----------
        model : FVSBN or NADE
            A fitted estimator.
        x : {"epochs", "seconds"}, default="epochs"
            What to draw against. A stream has no epochs: its curve is drawn against its batches.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        name : str or None, default=None
            Name in the legend; None takes the name of the estimator's class.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`, of the curves.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        TypeError
            If it has no training curve.
        ValueError
            If `x` is something else, or if the run did not record seconds.
        ImportError
            If matplotlib is not installed.
        """
        return cls([_curve(model, name)]).plot(ax, x=x, **line_options)

    @classmethod
    def from_estimators(cls, models, *, x="epochs", ax=None, **line_options):
        """Draw the curves of several fitted models on the same axes, to compare them.

        Parameters
        ----------
        models : dict or list
            Fitted estimators by their names in the legend, or a list of them, named by their classes.
        x : {"epochs", "seconds"}, default="epochs"
            What to draw against.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`, of all curves.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError, TypeError, ValueError, ImportError
            As :meth:`from_estimator`; also if there are no models, or if only some of them are fits along
            a stream and `x` is "epochs".
        """
        if isinstance(models, Mapping):
            curves = [_curve(model, name) for name, model in models.items()]
        elif isinstance(models, (list, tuple)):
            curves = [_curve(model, None) for model in models]
        else:
            raise TypeError(
                f"models must be a dict or a list of fitted estimators, got {type(models).__name__}; for a "
                "single one there is from_estimator"
            )
        if not curves:
            raise ValueError("there is no model to draw")
        return cls(distinguished(curves)).plot(ax, x=x, **line_options)

    def plot(self, ax=None, *, x="epochs", **line_options):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        x : {"epochs", "seconds"}, default="epochs"
            What to draw against.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`, of all curves.

        Returns
        -------
        TrainingCurveDisplay
            Itself, drawn.

        Raises
        ------
        ValueError, ImportError
            As :meth:`from_estimators`.
        """
        unit, positions = self._positions(x)
        ax = make_axes(ax)
        self.lines_, self.validation_lines_, self.best_markers_ = [], [], []
        for curve, position in zip(self.curves, positions, strict=True):
            label = f"{curve.name}, {'penalised' if curve.penalised else 'training'}"
            marker = "." if len(position) == 1 else None  # a single point has no line
            options = {"label": label, "marker": marker, **line_options}
            (line,) = ax.plot(position, curve.training, **options)
            self.lines_.append(line)
            held_out = marker = None
            if len(curve.validation):
                options = {"label": f"{curve.name}, validation", "linestyle": "--", **line_options}
                (held_out,) = ax.plot(position, curve.validation, **options | {"color": line.get_color()})
                marker = _mark_best(ax, curve, position, line.get_color())
            self.validation_lines_.append(held_out)
            self.best_markers_.append(marker)
        ax.set_xlabel(_LABELS[unit])
        ax.set_ylabel("Mean log-likelihood\n(nats per row)")
        if unit != "seconds":
            ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _positions(self, x):
        """Return what is on the horizontal axis, and where the points of each curve stand on it."""
        if x not in ("epochs", "seconds"):
            raise ValueError(f"x must be 'epochs' or 'seconds', got {x!r}")
        if x == "seconds":
            for curve in self.curves:
                if len(curve.seconds) != len(curve.training):
                    raise ValueError(
                        f"the run {curve.name!r} has recorded no seconds, as a stream waits for its rows; "
                        "draw with x='epochs', which stands for the batches of a stream"
                    )
            return x, [curve.seconds for curve in self.curves]
        units = {curve.unit for curve in self.curves}
        if len(units) > 1:
            streams = ", ".join(repr(curve.name) for curve in self.curves if curve.unit == "batches")
            raise ValueError(
                f"{streams} went along a stream, which has no epochs to share an axis with those of other "
                "runs; draw streams by themselves"
            )
        return units.pop(), [curve.position for curve in self.curves]


def _curve(model, name):
    """Return the curve of a fitted model."""
    check_is_fitted(model)
    class_name = type(model).__name__
    if not hasattr(model, "loss_curve_"):
        raise TypeError(f"{class_name} has no training curve: it has no attribute loss_curve_")
    n_points = len(model.loss_curve_)
    stream = model.stopped_ == "stream"
    # The batch solver has a point more than passes, its start.
    penalised = not stream and n_points == model.n_iter_ + 1
    return TrainingCurve(
        class_name if name is None else str(name),
        -model.loss_curve_,
        -model.validation_curve_,
        np.arange(n_points) + (not penalised),
        model.seconds_curve_,
        "batches" if stream else "epochs",
        penalised,
        model.best_epoch_,
    )


def _mark_best(ax, curve, position, color):
    """Mark the best epoch, with one entry in the legend for those of all runs."""
    if curve.best_epoch is None:
        return None
    place = curve.best_epoch - 1
    (marker,) = ax.plot(
        position[place : place + 1],
        curve.validation[place : place + 1],
        color=color,
        marker="o",
        linestyle="none",
        label=once(ax, "best epoch"),
    )
    return marker
