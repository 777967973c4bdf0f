"""Pictures of fits show the curves that were recorded, and the noise that was measured."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import FVSBN, NADE, BernoulliMLE, NotFittedError
from fastmle.noise import GradientNoise
from fastmle.plotting import GradientNoiseDisplay, TrainingCurve, TrainingCurveDisplay

mpl.use("Agg")
CURVE = TrainingCurve("run", np.array([-3.0, -2.0, -1.5]), np.empty(0), np.arange(3), np.arange(3.0))
ROWS = (np.random.default_rng(0).random((90, 5)) < 0.4).astype(int)


@pytest.fixture(scope="module")
def batch():
    return FVSBN(alpha=0.1).fit(ROWS)


@pytest.fixture(scope="module")
def stochastic():
    # The least likely rows are held out: the best epoch is not the last.
    return FVSBN(solver="adam", learning_rate=0.5, max_epochs=6, random_state=0).fit(
        ROWS[:60], X_val=1 - ROWS[60:]
    )


@pytest.fixture(scope="module")
def stream():
    model = FVSBN(batch_size=10, random_state=0)
    return model.partial_fit(ROWS[:45]).partial_fit(ROWS[45:])


@pytest.fixture(scope="module")
def noise():
    sizes = np.array([1, 4, 16])
    return GradientNoise(sizes, np.array([2.1, 0.49, 0.12]), 0.1 / sizes, 2.0, 100)


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    pyplot.close("all")


@pytest.fixture
def axes():
    return Figure().subplots()


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# Training curves


def test_the_curve_of_a_batch_fit(batch, axes):
    display = TrainingCurveDisplay.from_estimator(batch, ax=axes)
    (line,) = display.lines_
    assert_array_equal(line.get_ydata(), -batch.loss_curve_)
    assert_array_equal(line.get_xdata(), np.arange(batch.n_iter_ + 1))
    assert display.validation_lines_ == display.best_markers_ == [None]
    assert (display.ax_, display.figure_) == (axes, axes.figure)
    assert axes.get_ylabel() == "Mean log-likelihood\n(nats per row)"
    assert axes.get_xlabel() == "Epochs (passes over the data)"
    assert legend(axes) == ["FVSBN, penalised"]
    assert pyplot.get_fignums() == []


def test_the_curves_of_a_stochastic_fit(stochastic, axes):
    display = TrainingCurveDisplay.from_estimator(stochastic, ax=axes, name="adam")
    (line,), (held_out,), (marker,) = display.lines_, display.validation_lines_, display.best_markers_
    assert_array_equal(line.get_ydata(), -stochastic.loss_curve_)
    assert_array_equal(held_out.get_ydata(), -stochastic.validation_curve_)
    for each in (line, held_out):
        assert_array_equal(each.get_xdata(), np.arange(1, 7))
    assert stochastic.best_epoch_ < 6
    assert marker.get_xdata() == stochastic.best_epoch_
    assert marker.get_ydata() == held_out.get_ydata().max()
    assert line.get_color() == held_out.get_color() == marker.get_color()
    assert line.get_linestyle() != held_out.get_linestyle()
    assert legend(axes) == ["adam, training", "adam, validation", "best epoch"]


def test_curves_against_seconds(batch, stochastic, axes):
    display = TrainingCurveDisplay.from_estimators({"a": batch, "b": stochastic}, x="seconds", ax=axes)
    for line, model in zip(display.lines_, (batch, stochastic), strict=True):
        assert_array_equal(line.get_xdata(), model.seconds_curve_)
        assert_array_equal(line.get_ydata(), -model.loss_curve_)
    assert_array_equal(display.validation_lines_[1].get_xdata(), stochastic.seconds_curve_)
    assert display.best_markers_[1].get_xdata() == stochastic.seconds_curve_[stochastic.best_epoch_ - 1]
    assert axes.get_xlabel() == "Seconds"


def test_the_curve_of_nade(axes):
    model = NADE(n_hidden=2, max_epochs=3, random_state=0).fit(ROWS)
    display = TrainingCurveDisplay.from_estimator(model, ax=axes, color="black")
    assert_array_equal(display.lines_[0].get_ydata(), -model.loss_curve_)
    assert display.lines_[0].get_color() == "black"
    assert legend(axes) == ["NADE, training"]


def test_a_single_epoch_is_seen(axes):
    model = NADE(n_hidden=3, max_epochs=1, random_state=0).fit(ROWS)
    (line,) = TrainingCurveDisplay.from_estimator(model, ax=axes).lines_
    assert len(line.get_xdata()) == 1
    assert line.get_marker() == "."


def test_several_runs_share_axes(batch, stochastic, axes):
    display = TrainingCurveDisplay.from_estimators([stochastic, stochastic, batch], ax=axes)
    assert legend(axes) == [
        "FVSBN (1), training",
        "FVSBN (1), validation",
        "best epoch",
        "FVSBN (2), training",
        "FVSBN (2), validation",
        "FVSBN (3), penalised",
    ]
    assert len({line.get_color() for line in display.lines_}) == 3
    more = TrainingCurveDisplay.from_estimator(stochastic, ax=axes, name="more")
    assert legend(axes)[-2:] == ["more, training", "more, validation"]
    assert more.lines_[0].get_color() not in {line.get_color() for line in display.lines_}
    axes.figure.canvas.draw()


def test_the_curve_of_a_stream(stream, axes):
    display = TrainingCurveDisplay.from_estimator(stream, ax=axes)
    assert_array_equal(display.lines_[0].get_ydata(), -stream.loss_curve_)
    assert_array_equal(display.lines_[0].get_xdata(), np.arange(1, len(stream.loss_curve_) + 1))
    assert axes.get_xlabel() == "Batches of the stream"
    assert legend(axes) == ["FVSBN, training"]


def test_a_pyplot_figure(batch, monkeypatch):
    monkeypatch.setattr(pyplot, "show", lambda: pytest.fail("a library does not show figures"))
    display = TrainingCurveDisplay.from_estimator(batch)
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [display.figure_]


def test_curves_of_other_origin(axes):
    display = TrainingCurveDisplay([CURVE]).plot(ax=axes)
    assert_array_equal(display.lines_[0].get_ydata(), CURVE.training)
    assert legend(axes) == ["run, training"]


def test_what_has_no_curve(stream, batch):
    draw, draw_several = TrainingCurveDisplay.from_estimator, TrainingCurveDisplay.from_estimators
    with pytest.raises(NotFittedError):
        draw(FVSBN())
    with pytest.raises(TypeError, match="BernoulliMLE has no training curve"):
        draw(BernoulliMLE().fit([[0, 1]]))
    with pytest.raises(TypeError, match="must be a dict or a list"):
        draw_several(batch)
    for nothing in ([], {}):
        with pytest.raises(ValueError, match="no model to draw"):
            draw_several(nothing)
    with pytest.raises(ValueError, match="x must be 'epochs' or 'seconds', got 'hours'"):
        draw(batch, x="hours")
    with pytest.raises(ValueError, match="the run 'FVSBN' has recorded no seconds"):
        draw(stream, x="seconds")
    with pytest.raises(ValueError, match="'river' went along a stream"):
        draw_several({"lake": batch, "river": stream})
    assert pyplot.get_fignums() == []


# Gradient noise


def test_the_noise_is_drawn(noise, axes):
    display = GradientNoiseDisplay(noise).plot(ax=axes)
    points, _, (bars,) = display.points_.lines
    assert_array_equal(points.get_xdata(), noise.batch_size)
    assert_array_equal(points.get_ydata(), noise.variance)
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    assert_allclose(np.diff(ends)[:, 0], 4 * noise.standard_error)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "Rows of a minibatch, b"
    assert "squared nats" in axes.get_ylabel()
    assert (display.ax_, display.figure_) == (axes, axes.figure)
    assert pyplot.get_fignums() == []


def test_the_lines_of_the_noise(noise, axes):
    display = GradientNoiseDisplay(noise).plot(ax=axes)
    sizes = display.reference_line_.get_xdata()
    assert_allclose(sizes[[0, -1]], [1, 16])
    assert_allclose(display.reference_line_.get_ydata(), 2.0 / sizes)
    assert_allclose(display.finite_line_.get_ydata(), 2.0 / sizes * (100 - sizes) / 99)
    assert legend(axes) == ["$1/b$", "$(n - b) / ((n - 1) b)$", "measured"]
    GradientNoiseDisplay(noise, name="other").plot(ax=axes)
    assert legend(axes) == ["$1/b$", "$(n - b) / ((n - 1) b)$", "measured", "other"]


def test_noise_is_measured_and_drawn(batch, axes):
    options = {"batch_sizes": [2, 20], "n_repeats": 5, "random_state": 3}
    display = GradientNoiseDisplay.from_estimator(batch, ROWS, ax=axes, **options, color="black")
    assert_array_equal(display.noise.batch_size, [2, 20])
    assert display.noise.n_samples == 90
    assert_array_equal(display.points_.lines[0].get_ydata(), display.noise.variance)
    assert display.finite_line_.get_color() == "black"
    assert legend(axes)[-1] == "FVSBN"
    axes.figure.canvas.draw()
