"""What ``fastmle demo`` does: handwritten digits, which come with scikit-learn."""

import os

import numpy as np

from .outputs import replacing
from .plotting import ImageGridDisplay, TrainingCurveDisplay, require_matplotlib

N_TRAIN = 1347
IMAGE_SHAPE = (8, 8)
_N_SHOWN, _N_COLUMNS = 80, 8


def load_digit_bits():
    """Return training and test rows: 1347 and 450 images, one where a pixel is greater than 7."""
    from sklearn.datasets import load_digits  # takes a while to import

    bits = (load_digits().data > 7).astype(np.uint8)
    bits = bits[np.random.default_rng(0).permutation(len(bits))]
    return bits[:N_TRAIN], bits[N_TRAIN:]


def check_picture(path):
    """Raise an ImportError without matplotlib, or a ValueError if it cannot write such a picture."""
    require_matplotlib()
    from matplotlib.figure import Figure

    formats = Figure().canvas.get_supported_filetypes()
    if _format(path) not in formats:
        raise ValueError(
            f"{path} is no picture that matplotlib writes; its name must end in one of: "
            f"{', '.join('.' + name for name in sorted(formats))}"
        )


def write_picture(path, model, real):
    """Draw real digits beside drawn ones and the training curve, and write the picture to a file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[4, 4, 6])
    drawn = model.sample(_N_SHOWN, random_state=0)
    for ax, images, title in (
        (left, real[:_N_SHOWN], "Real digits (held out)"),
        (middle, drawn, "Drawn by the FVSBN"),
    ):
        ImageGridDisplay.from_arrays(images, IMAGE_SHAPE, n_columns=_N_COLUMNS, ax=ax, title=title)
    TrainingCurveDisplay.from_estimator(model, ax=right, name="FVSBN(alpha=1)")
    right.set_title("Training curve")
    right.grid(alpha=0.3)
    with replacing(path) as file:
        figure.savefig(file, format=_format(path), dpi=150)


def _format(path):
    return os.path.splitext(path)[1].lower().removeprefix(".")
