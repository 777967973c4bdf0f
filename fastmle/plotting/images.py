"""Rows of bits as images."""

import math

import numpy as np

from ._axes import make_axes

# A light grey around every image, so that white ones keep their edges.
_FRAME = 0.15


class ImageGridDisplay:
    """Rows of bits as a grid of small images.

    Make one with :meth:`from_arrays`.

    Parameters
    ----------
    images : array-like of shape (n_images, height * width)
        Bits, or probabilities, row by row of each image; 0 is white and 1 is black.
    image_shape : tuple of int
        (height, width) of an image.
    n_columns : int or None, default=None
        Number of images side by side; None makes the grid as square as possible.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the grid was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of it.
    image_ : matplotlib.image.AxesImage
        The grid.

    Raises
    ------
    ValueError
        If the rows are not as long as an image, if there are none, or if a number is not positive.

    See Also
    --------
    TrainingCurveDisplay : The training curve of a model.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.plotting import ImageGridDisplay
    >>> rows = np.eye(9, dtype=int)
    >>> display = ImageGridDisplay.from_arrays(rows, (3, 3))  # doctest: +SKIP
    """

    def __init__(self, images, image_shape, *, n_columns=None):
        images = np.asarray(images)
        height, width = image_shape
        if images.ndim != 2 or len(images) == 0 or images.shape[1] != height * width:
            raise ValueError(
                f"images of shape ({height}, {width}) need an array of shape (n_images, "
                f"{height * width}) with at least one row, got {images.shape}"
            )
        if n_columns is None:
            n_columns = math.ceil(math.sqrt(len(images)))
        if n_columns < 1:
            raise ValueError(f"n_columns must be a positive integer, got {n_columns!r}")
        self.images = images
        self.image_shape = (height, width)
        self.n_columns = n_columns

    @classmethod
    def from_arrays(cls, images, image_shape, *, n_columns=None, ax=None, title=None):
        """Draw rows of bits as images.

        Parameters
        ----------
        images : array-like of shape (n_images, height * width)
            Bits, or probabilities, row by row of each image.
        image_shape : tuple of int
            (height, width) of an image.
        n_columns : int or None, default=None
            Number of images side by side; None makes the grid as square as possible.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        title : str or None, default=None
            Title of the axes.

        Returns
        -------
        ImageGridDisplay

        Raises
        ------
        ValueError
            If the rows are not as long as an image, if there are none, or if a number is not positive.
        ImportError
            If matplotlib is not installed.
        """
        return cls(images, image_shape, n_columns=n_columns).plot(ax=ax, title=title)

    def plot(self, ax=None, title=None, **image_options):
        """Draw the grid.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        title : str or None, default=None
            Title of the axes.
        **image_options
            For :meth:`matplotlib.axes.Axes.imshow`.

        Returns
        -------
        ImageGridDisplay
            Itself, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = make_axes(ax)
        options = {"cmap": "gray_r", "vmin": 0, "vmax": 1, "interpolation": "nearest", **image_options}
        self.image_ = ax.imshow(self._grid(), **options)
        ax.set_axis_off()
        if title is not None:
            ax.set_title(title)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _grid(self):
        """Return all images as one, framed by lines; what is no image is masked."""
        height, width = self.image_shape
        n_rows = -(-len(self.images) // self.n_columns)
        grid = np.full((n_rows * (height + 1) + 1, self.n_columns * (width + 1) + 1), np.nan)
        for place, image in enumerate(self.images):
            row, column = divmod(place, self.n_columns)
            top, left = row * (height + 1), column * (width + 1)
            # Neighbours share a line, and write the same into it.
            cell = grid[top : top + height + 2, left : left + width + 2]
            cell[:] = _FRAME
            cell[1:-1, 1:-1] = image.reshape(height, width)
        return np.ma.masked_invalid(grid)
