"""The noise of minibatch gradients against the size of the batch."""

import numpy as np

from ..noise import gradient_noise
from ._axes import make_axes, require_matplotlib
from ._curves import once


class GradientNoiseDisplay:
    """Variance of the minibatch gradient against the batch size, on logarithmic axes.

    With it go the line of ``1/b`` and what is left of it when rows are drawn without replacement, the factor
    ``(n - b)/(n - 1)`` of a finite population.

    Make one with :meth:`from_estimator`, which measures, or from what :func:`fastmle.noise.gradient_noise`
    has measured.

    Parameters
    ----------
    noise : GradientNoise
        Batch sizes, variances and their errors.
    name : str or None, default=None
        Name in the legend; None is "measured".

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of it.
    points_ : matplotlib.container.ErrorbarContainer
        The variances as measured, with bars of two standard errors to either side.
    reference_line_ : matplotlib.lines.Line2D
        The line of 1/b, through the variance of a row.
    finite_line_ : matplotlib.lines.Line2D
        The same times (n - b)/(n - 1).

    See Also
    --------
    fastmle.noise.gradient_noise : The measurement and its formula.
    TrainingCurveDisplay : What the noise does to a fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import FVSBN
    >>> from fastmle.plotting import GradientNoiseDisplay
    >>> X = np.random.default_rng(0).random((500, 4)) < 0.3
    >>> model = FVSBN().fit(X)
    >>> display = GradientNoiseDisplay.from_estimator(model, X, random_state=0)  # doctest: +SKIP
    >>> display.figure_.savefig("noise.png")  # doctest: +SKIP
    """

    def __init__(self, noise, *, name=None):
        self.noise = noise
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        *,
        batch_sizes=None,
        n_repeats=50,
        sample_weight=None,
        random_state=None,
        ax=None,
        name=None,
        **line_options,
    ):
        """Measure the noise at the parameters of a fitted model, and draw it.

        Parameters
        ----------
        model : FVSBN or NADE
            A fitted estimator.
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows to draw batches from.
        batch_sizes, n_repeats, sample_weight, random_state
            As in :func:`fastmle.noise.gradient_noise`.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        name : str or None, default=None
            Name in the legend; None takes the name of the estimator's class.
        **line_options
            For :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        GradientNoiseDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError, TypeError, ValueError
            As :func:`fastmle.noise.gradient_noise`.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib()  # before the work
        noise = gradient_noise(
            model,
            X,
            batch_sizes=batch_sizes,
            n_repeats=n_repeats,
            sample_weight=sample_weight,
            random_state=random_state,
        )
        return cls(noise, name=type(model).__name__ if name is None else name).plot(ax, **line_options)

    def plot(self, ax=None, **line_options):
        """Draw the variances.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        **line_options
            For :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        GradientNoiseDisplay
            Itself, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = make_axes(ax)
        noise = self.noise
        ax.set_xscale("log")
        ax.set_yscale("log")
        label = "measured" if self.name is None else self.name
        options = {"label": label, "marker": ".", "linestyle": "none", **line_options}
        self.points_ = ax.errorbar(noise.batch_size, noise.variance, 2 * noise.standard_error, **options)
        sizes = np.geomspace(noise.batch_size[0], noise.batch_size[-1], 200)
        color = self.points_.lines[0].get_color()
        lines = (("$1/b$", ":", True), ("$(n - b) / ((n - 1) b)$", "-", False))
        self.reference_line_, self.finite_line_ = (
            ax.plot(
                *(sizes, noise.expected(sizes, replacement=replacement)),
                color=color,
                linewidth=1,
                linestyle=style,
                label=once(ax, label),
            )[0]
            for label, style, replacement in lines
        )
        ax.set_xlabel("Rows of a minibatch, b")
        ax.set_ylabel("Variance of the gradient per row\n(squared nats)")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
