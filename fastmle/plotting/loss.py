"""Training curves of models."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import make_axes


class LossCurveDisplay:
    """The training curve of a model: its penalised negative log-likelihood after each pass.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    loss_curve : array-like of shape (n_passes + 1,)
        Penalised negative log-likelihood after each pass, nats a row, first the starting value.
    name : str or None, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the curve was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of it.
    lines_ : list of matplotlib.lines.Line2D
        The curve.

    See Also
    --------
    ImageGridDisplay : Rows of bits as images.

    Examples
    --------
    >>> from fastmle import FVSBN
    >>> from fastmle.plotting import LossCurveDisplay
    >>> model = FVSBN().fit([[0, 0], [0, 1], [1, 1], [1, 1]])
    >>> display = LossCurveDisplay.from_estimator(model)  # doctest: +SKIP
    >>> display.figure_.savefig("curve.png")  # doctest: +SKIP
    """

    def __init__(self, loss_curve, *, name=None):
        self.loss_curve = loss_curve
        self.name = name

    @classmethod
    def from_estimator(cls, model, ax=None, name=None, **line_options):
        """Draw the training curve of a fitted model.

        Parameters
        ----------
        model : FVSBN
            A fitted estimator with a `loss_curve_`.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        name : str or None, default=None
            Name in the legend; None takes the name of the estimator's class.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        TypeError
            If it has no training curve.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(model)
        class_name = type(model).__name__
        if not hasattr(model, "loss_curve_"):
            raise TypeError(f"{class_name} has no training curve: it has no attribute loss_curve_")
        display = cls(model.loss_curve_, name=class_name if name is None else name)
        return display.plot(ax=ax, **line_options)

    def plot(self, ax=None, name=None, **line_options):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        name : str or None, default=None
            Name in the legend; None takes that of the display.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        LossCurveDisplay
            Itself, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = make_axes(ax)
        label = self.name if name is None else name
        options = {"label": label, **line_options}
        self.lines_ = ax.plot(np.arange(len(self.loss_curve)), self.loss_curve, **options)
        ax.set_xlabel("Passes over the data")
        ax.set_ylabel("Penalised negative log-likelihood\n(nats per row)")
        ax.xaxis.get_major_locator().set_params(integer=True)
        if label is not None:
            ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
