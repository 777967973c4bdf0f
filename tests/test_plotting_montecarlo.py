"""Pictures of expectations show the trace of a run, its intervals and the law of its error."""

import math
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from fastmle import expectation, log_expectation
from fastmle.plotting import MonteCarloDisplay

mpl.use("Agg")
EXACT = math.e - 1


def run(n_samples=10_000, g=math.exp, rng=0, **options):
    return expectation(g, stats.uniform(), n_samples=n_samples, rng=rng, **options)


def both(x):
    return x, 100 * x


@pytest.fixture(scope="module")
def result():
    return run()


@pytest.fixture(scope="module")
def vector():
    return run(g=both)


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    pyplot.close("all")


@pytest.fixture
def axes():
    return Figure().subplots(1, 2)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def edges(band):
    """Return the numbers of samples of a band, and its lower and upper bounds there."""
    vertices = band.get_paths()[0].vertices
    n_samples = np.unique(vertices[:, 0])
    bounds = [vertices[vertices[:, 0] == n, 1] for n in n_samples]
    return n_samples, np.array([b.min() for b in bounds]), np.array([b.max() for b in bounds])


def test_the_trace_is_drawn(result, axes):
    display = MonteCarloDisplay.from_result(result, exact=EXACT, ax=axes)
    n_samples, mean, error = result.trace()
    (line,), (error_line,), (band,) = display.lines_, display.error_lines_, display.bands_
    assert_array_equal(line.get_xdata(), n_samples)
    assert_array_equal(line.get_ydata(), mean)
    assert_array_equal(error_line.get_xdata(), n_samples)
    assert_array_equal(error_line.get_ydata(), error)
    assert line.get_color() == error_line.get_color()
    at, low, high = edges(band)
    assert_array_equal(at, n_samples)
    assert_allclose((low + high) / 2, mean, rtol=1e-12)
    assert_allclose((high - low) / 2, stats.t.ppf(0.975, n_samples - 1) * error, rtol=1e-9)
    assert (low[-1], high[-1]) == result.confidence_interval()
    assert_array_equal(display.exact_line_.get_ydata(), [EXACT, EXACT])


def test_scales_labels_and_names(result, axes):
    display = MonteCarloDisplay.from_result(result, exact=EXACT, ax=axes)
    left, right = display.axes_
    assert (left, right) == tuple(axes)
    assert display.figure_ is axes[0].figure
    assert (left.get_xscale(), left.get_yscale()) == ("log", "linear")
    assert (right.get_xscale(), right.get_yscale()) == ("log", "log")
    assert left.get_xlabel() == right.get_xlabel() == "Number of samples"
    assert left.get_ylabel() == "Mean, 95 % interval"
    assert right.get_ylabel() == "Standard error"
    assert legend(left) == ["plain", "exact"]
    assert legend(right) == ["plain", "$1/\\sqrt{T}$"]
    assert pyplot.get_fignums() == []


def test_the_reference_falls_as_one_over_the_root(result, axes):
    line = MonteCarloDisplay.from_result(result, ax=axes).reference_line_
    (first, last), errors = line.get_xdata(), line.get_ydata()
    assert (first, last) == (128, 10_000)
    assert_allclose(np.log(errors[1] / errors[0]) / np.log(last / first), -0.5, rtol=1e-12)
    assert_allclose(errors[1], result.standard_error, rtol=1e-12)


def test_name_options_and_no_exact_value(result, axes):
    display = MonteCarloDisplay.from_result(result, ax=axes, name="first", color="black", marker="")
    assert display.exact_line_ is None
    assert display.lines_[0].get_color() == display.error_lines_[0].get_color() == "black"
    assert display.lines_[0].get_marker() == ""
    assert legend(axes[0]) == ["first"]


def test_the_level_of_the_result(axes):
    result = run(confidence_level=0.8)
    display = MonteCarloDisplay.from_result(result, ax=axes)
    _, low, high = edges(display.bands_[0])
    assert (low[-1], high[-1]) == result.confidence_interval(0.8)
    assert axes[0].get_ylabel() == "Mean, 80 % interval"


def test_shares_have_wilsons_band(axes):
    result = expectation(lambda x: x > 2, stats.uniform(), n_samples=1000, rng=0)
    display = MonteCarloDisplay.from_result(result, ax=axes)
    _, low, high = edges(display.bands_[0])
    assert (low == 0).all()
    assert high[0] > high[-1] == result.confidence_interval().high > 0
    assert axes[1].get_yscale() == "linear"  # all errors are zero
    assert display.reference_line_ is None
    axes[0].figure.canvas.draw()


def test_a_component_of_a_vector(vector, axes):
    display = MonteCarloDisplay.from_result(vector, ax=axes, component=1, exact=50)
    _, mean, error = vector.trace()
    assert_array_equal(display.lines_[0].get_ydata(), mean[:, 1])
    assert_array_equal(display.error_lines_[0].get_ydata(), error[:, 1])
    assert axes[0].get_ylabel().startswith("Mean of component 1")


def test_runs_share_axes(result, axes):
    results = {"plain": result, "control": run(control=lambda x: x, control_mean=0.5)}
    display = MonteCarloDisplay.from_results(results, ax=axes, exact=EXACT)
    for line, error_line, each in zip(display.lines_, display.error_lines_, results.values(), strict=True):
        _, mean, error = each.trace()
        assert_array_equal(line.get_ydata(), mean)
        assert_array_equal(error_line.get_ydata(), error)
    assert legend(axes[0]) == ["plain", "control", "exact"]
    assert legend(axes[1]) == ["plain", "control", "$1/\\sqrt{T}$"]
    assert len({line.get_color() for line in display.lines_}) == 2
    assert_allclose(display.reference_line_.get_ydata()[1], result.standard_error, rtol=1e-12)


def test_lists_are_named_by_method(result, axes):
    MonteCarloDisplay.from_results([result, run(rng=1), run(method="antithetic")], ax=axes)
    assert legend(axes[0]) == ["plain (1)", "plain (2)", "antithetic"]
    one = MonteCarloDisplay.from_results(result, ax=axes)
    assert [curve.name for curve in one.curves] == ["plain"]


def test_a_later_display_on_the_same_axes(result):
    first = MonteCarloDisplay.from_result(result)
    second = MonteCarloDisplay.from_result(run(rng=1), ax=first.axes_, name="second")
    assert second.figure_ is first.figure_
    assert second.lines_[0].get_color() == second.error_lines_[0].get_color() != first.lines_[0].get_color()


def test_sets_of_points(axes):
    """The trace goes over sets: one alone has no error, and then it has its points' number of samples."""
    result = run(n_samples=2**10, method="sobol", n_replicates=8)
    display = MonteCarloDisplay.from_result(result, ax=axes)
    assert_array_equal(display.lines_[0].get_xdata(), [128, 256, 512, 1024])
    errors = display.error_lines_[0].get_ydata()
    assert np.isnan(errors[0])
    assert np.isfinite(errors[1:]).all()
    axes[0].figure.canvas.draw()


def test_runs_of_growing_size_are_one_curve(axes):
    runs = [run(n_samples=2**m, method="stratified") for m in (12, 8, 10)]
    display = MonteCarloDisplay.from_results({"plain": run(2**12), "strata": runs}, ax=axes)
    line = display.error_lines_[1]
    assert_array_equal(line.get_xdata(), [2**8, 2**10, 2**12])
    assert_array_equal(line.get_ydata(), [runs[i].standard_error for i in (1, 2, 0)])
    _, low, high = edges(display.bands_[1])
    assert_array_equal(np.transpose([low, high]), [runs[i].confidence_interval() for i in (1, 2, 0)])
    slope = np.polyfit(np.log(line.get_xdata()), np.log(line.get_ydata()), 1)[0]
    assert -1.8 < slope < -1.2  # 1.5 in theory


def test_a_pyplot_figure_of_two_panels(result, monkeypatch):
    monkeypatch.setattr(pyplot, "show", lambda: pytest.fail("a library does not show figures"))
    display = MonteCarloDisplay.from_result(result)
    assert [pyplot.figure(number) for number in pyplot.get_fignums()] == [display.figure_]
    assert list(display.figure_.axes) == list(display.axes_)


@pytest.mark.parametrize(
    "make",
    [
        lambda: run(g=lambda x: 2.5),
        lambda: log_expectation(lambda x: -np.inf, stats.uniform(), n_samples=1000, rng=0),
        lambda: run(n_samples=1),
        lambda: expectation(lambda x: x, [1.0, 2.0, 4.0], weights=[1, 2, 1]),
    ],
    ids=["constant", "minus infinity", "one sample", "weighted data"],
)
def test_nothing_to_draw_is_no_error(make, axes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        result = make()
    MonteCarloDisplay.from_result(result, ax=axes)
    axes[0].figure.canvas.draw()


@pytest.mark.parametrize("draw", [MonteCarloDisplay.from_result, MonteCarloDisplay.from_results])
@pytest.mark.parametrize("wrong", [1.0, "plain", [1.0], None])
def test_what_is_no_result(draw, wrong):
    with pytest.raises(TypeError, match="a result of expectation"):
        draw(wrong)


def test_what_cannot_be_drawn(result, vector):
    draw = MonteCarloDisplay.from_result
    with pytest.raises(ValueError, match="no component 1: the result has 1"):
        draw(result, component=1)
    with pytest.raises(ValueError, match="no component -1"):
        draw(vector, component=-1)
    with pytest.raises(TypeError, match="component must be an integer"):
        draw(vector, component=0.5)
    with pytest.raises(ValueError, match=r"array of shape \(2,\)"):
        draw(vector, exact=[0.5, 50])
    with pytest.raises(ValueError, match="no component 1"):
        MonteCarloDisplay.from_results([vector, result], component=1)
    for nothing in ([], {}, {"none": []}):
        with pytest.raises(ValueError, match="no result to draw"):
            MonteCarloDisplay.from_results(nothing)
    with pytest.raises(ValueError, match="same confidence level"):
        draw([result, run(confidence_level=0.5)])
    with pytest.raises(TypeError, match="got list"):
        MonteCarloDisplay.from_results([[[result]]])
    assert pyplot.get_fignums() == []


def test_axes_that_are_not_two(result):
    for wrong in (Figure().subplots(), Figure().subplots(1, 3), [None, None], "axes"):
        with pytest.raises(ValueError, match="ax must be two axes"):
            MonteCarloDisplay.from_result(result, ax=wrong)


def test_without_matplotlib(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "fastmle\[plot\]"'):
        MonteCarloDisplay.from_result(result)
