"""Pictures show the numbers that they should, on the axes that they are given."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from fastmle import FVSBN
from fastmle.plotting import GradientNoiseDisplay, ImageGridDisplay, TrainingCurveDisplay

mpl.use("Agg")


@pytest.fixture(scope="module")
def model():
    return FVSBN(alpha=0.1).fit((np.random.default_rng(0).random((60, 5)) < 0.4).astype(int))


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    pyplot.close("all")


@pytest.fixture
def axes():
    return Figure().subplots()


# Images


def test_every_image_stands_in_its_cell(axes):
    height, width, n_columns = 3, 4, 2
    images = (np.random.default_rng(0).random((5, height * width)) < 0.5).astype(np.uint8)
    display = ImageGridDisplay.from_arrays(
        images, (height, width), n_columns=n_columns, ax=axes, title="Five images"
    )
    grid = display.image_.get_array()
    assert grid.shape == (3 * (height + 1) + 1, 2 * (width + 1) + 1)
    framed = np.ones(grid.shape, dtype=bool)
    for place, image in enumerate(images):
        top, left = place // n_columns * (height + 1) + 1, place % n_columns * (width + 1) + 1
        cell = np.s_[top : top + height, left : left + width]
        np.testing.assert_array_equal(grid[cell], image.reshape(height, width))
        framed[cell] = False
    last_cell = np.s_[-height - 1 :, -width - 1 :]
    assert grid.mask[last_cell].all()
    assert grid.mask.sum() == (height + 1) * (width + 1)
    lines = grid[framed].compressed()
    assert len(set(lines)) == 1
    assert 0 < lines[0] < 0.5
    assert axes.get_title() == "Five images"
    assert display.image_.get_clim() == (0, 1)
    assert pyplot.get_fignums() == []


def test_image_grid_makes_a_square_pyplot_figure():
    display = ImageGridDisplay.from_arrays(np.eye(9), (3, 3))
    assert display.n_columns == 3
    assert pyplot.get_fignums() == [display.figure_.number]


@pytest.mark.parametrize(
    ("images", "shape", "n_columns", "message"),
    [
        (np.zeros((2, 5)), (2, 3), None, r"shape \(n_images, 6\)"),
        (np.zeros(6), (2, 3), None, r"got \(6,\)"),
        (np.zeros((0, 6)), (2, 3), None, "at least one row"),
        (np.zeros((2, 6)), (2, 3), 0, "n_columns must be a positive integer"),
    ],
)
def test_images_that_do_not_fit(images, shape, n_columns, message):
    with pytest.raises(ValueError, match=message):
        ImageGridDisplay.from_arrays(images, shape, n_columns=n_columns)


# Without matplotlib


def test_without_matplotlib(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (
        lambda: TrainingCurveDisplay.from_estimator(model),
        lambda: GradientNoiseDisplay.from_estimator(model, np.eye(5)),
        lambda: ImageGridDisplay.from_arrays(np.eye(4), (2, 2)),
    ):
        with pytest.raises(ImportError, match=r'pip install "fastmle\[plot\]"'):
            draw()
