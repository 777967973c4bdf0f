"""Where pictures are drawn; matplotlib is imported here, when it is needed."""

import numpy as np


def require_matplotlib():
    """Import matplotlib, or say how to install it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'pictures need matplotlib, which is not installed: pip install "fastmle[plot]"'
        ) from error


def make_axes(ax):
    """Return the axes to draw on, those of a new pyplot figure where there are none."""
    require_matplotlib()
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]


def make_two_axes(ax):
    """Return the two axes to draw on, side by side in a new pyplot figure where there are none.

    Raises
    ------
    ValueError
        If what is given are not two axes.
    """
    require_matplotlib()
    from matplotlib import pyplot
    from matplotlib.axes import Axes

    if ax is None:
        return pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")[1]
    axes = np.array(ax, dtype=object).reshape(-1)
    if len(axes) != 2 or not all(isinstance(each, Axes) for each in axes):
        raise ValueError(
            "there are two panels to draw: ax must be two axes, such as those of pyplot.subplots(1, 2)"
        )
    return axes
