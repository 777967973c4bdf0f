"""Stochastic descent on problems whose answers are known: steps, epochs, stopping, going on, divergence."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import load, save

from fastmle import FVSBN, BitMatrix, likelihood
from fastmle.data import Minibatches
from fastmle.exceptions import DivergenceError
from fastmle.solvers import (
    SGD,
    Adam,
    AdamW,
    Cosine,
    InverseSquareRoot,
    Layout,
    Momentum,
    StochasticDescent,
    WarmUp,
    minimize_batches,
)


class Centres:
    """Rows y with log p(y) = -|y - x|^2 / 2, whose mean is sought; batches are in a fixed order."""

    def __init__(self, rows):
        self.rows = rows

    def value_and_gradient(self, batch, x):
        with np.errstate(over="ignore", invalid="ignore"):
            apart = batch - x
            return -0.5 * float((apart**2).sum()), apart.sum(axis=0)

    def descent(self, optimizer=None, x=None, **options):
        options = {"learning_rate": 0.1} | options
        x = np.zeros(self.rows.shape[1]) if x is None else x
        return StochasticDescent(self.value_and_gradient, x, optimizer or SGD(), **options)

    def batches(self, size):
        def batches(epoch, first):
            for start in range(first * size, len(self.rows), size):
                yield self.rows[start : start + size]

        return batches


@pytest.fixture
def centres(rng):
    return Centres(rng.normal(size=(20, 3)))


class Network:
    """An FVSBN: the intercepts, then the matrix of weights, in one flat array."""

    def __init__(self, rng, n_samples=300, d=6, weight=None):
        rows = rng.random((n_samples, d)) < 0.3 + 0.4 * (rng.random((n_samples, 1)) < 0.5)
        self.bits = BitMatrix.from_array(rows.astype(np.uint8), sample_weight=weight)
        self.d = d
        self.layout = Layout.lower_triangle(d, first=d)
        self.gradient = np.empty(d + d * d)

    def value_and_gradient(self, batch, x):
        d = self.d
        value, weights, intercept = likelihood.value_and_gradient(
            batch, np.arange(d), x[d:].reshape(d, d), x[:d]
        )
        self.gradient[:d], self.gradient[d:] = intercept, weights.ravel()
        return value.sum(), self.gradient

    def loss(self, x):
        return -self.value_and_gradient(self.bits, x)[0] / self.bits.total_weight

    def descent(self, optimizer, **options):
        options = {"learning_rate": 0.05, "layout": self.layout} | options
        return StochasticDescent(self.value_and_gradient, np.zeros(self.d + self.d**2), optimizer, **options)


# Steps


def test_a_step_along_all_rows_is_the_one_of_the_mean(rng, weights):
    network = Network(rng, weight=weights(300))
    descent = network.descent(SGD(), learning_rate=0.5, penalty=0.25)
    descent.parameters[network.d :] = np.tril(rng.normal(size=(6, 6)), k=-1).ravel()
    start = descent.parameters.copy()
    (batch,) = Minibatches(network.bits, int(np.count_nonzero(network.bits.sample_weight)))(0)
    slope = descent.step([batch])
    value, gradient = network.value_and_gradient(network.bits, start)
    mean = -gradient / network.bits.total_weight
    mean[network.d :] += 0.25 * start[network.d :]
    assert_allclose(slope.value / slope.n_rows, value / network.bits.total_weight, rtol=1e-13)
    assert_allclose(slope.norm, np.linalg.norm(mean), rtol=1e-13)
    assert_allclose(descent.parameters, start - 0.5 * mean, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", [SGD, Momentum, Adam, AdamW])
def test_accumulated_batches_are_one_larger_batch(optimizer, dtype, centres):
    large, small = (
        centres.descent(optimizer(), x=np.zeros(3, dtype=dtype), penalty=0.1, clip_norm=0.4) for _ in range(2)
    )
    centres.rows = centres.rows.astype(dtype)
    # 20 rows: batches of 8, 8 and 4, or of 4 by two; the last one is alone.
    one = minimize_batches(large, centres.batches(8), max_epochs=3)
    two = minimize_batches(small, centres.batches(4), accumulate=2, max_epochs=3)
    assert large.n_steps == small.n_steps == 9
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    assert_allclose(small.parameters, large.parameters, rtol=tolerance, atol=tolerance)
    assert_allclose(two.history["loss"], one.history["loss"], rtol=tolerance)


@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_long_slopes_are_shortened_and_short_ones_left(centres, penalty):
    start = np.array([10.0, -20.0, 5.0])
    slope = start - centres.rows.mean(axis=0) + penalty * start
    norm = np.linalg.norm(slope)
    for clip_norm, factor in ((norm / 4, 0.25), (1.01 * norm, 1.0), (None, 1.0)):
        descent = centres.descent(x=start.copy(), penalty=penalty, clip_norm=clip_norm)
        assert_allclose(descent.step([centres.rows]).norm, norm)
        assert_allclose(descent.parameters, start - 0.1 * factor * slope, rtol=1e-14)


def test_a_slope_of_zero_is_left(centres):
    descent = centres.descent(clip_norm=1.0, x=np.ones(3))
    assert descent.step([np.ones((2, 3))]).norm == 0
    assert_array_equal(descent.parameters, 1.0)


def test_learning_rates_follow_the_schedule(centres):
    descent = centres.descent(schedule=WarmUp(2, InverseSquareRoot(1)), learning_rate=0.2)
    rates, start = [], np.zeros(3)
    for batch in centres.rows[:4, None]:
        assert descent.learning_rate == descent.rate_at(len(rates))
        descent.step([batch])
        rates.append((descent.parameters - start)[0] / (batch[0] - start)[0])
        start = descent.parameters.copy()
    assert_allclose(rates, [0.1, 0.2, 0.2, 0.2 / np.sqrt(2)])


@pytest.mark.parametrize("average_from", [0, 3])
def test_the_average_is_the_mean_of_the_iterates(centres, average_from):
    descent = centres.descent(average_from=average_from)
    iterates = []
    for batch in centres.rows[:8, None]:
        descent.step([batch])
        iterates.append(descent.parameters.copy())
        if len(iterates) <= average_from:
            assert descent.average is None
            assert descent.point is descent.parameters
        else:
            assert_allclose(descent.point, np.mean(iterates[average_from:], axis=0), rtol=1e-13)


@pytest.mark.parametrize("optimizer", [Momentum(nesterov=True), Adam(), AdamW(weight_decay=0.0)], ids=repr)
def test_epochs_of_minibatches_find_the_maximum_of_the_likelihood(optimizer, rng):
    network = Network(rng)
    alpha = 2.0
    fitted = FVSBN(alpha=alpha, smoothing=0.0, tol=1e-9).fit(network.bits)
    descent = network.descent(optimizer, schedule=Cosine(60 * 10), penalty=alpha / 300)
    run = minimize_batches(descent, Minibatches(network.bits, 30, random_state=0), max_epochs=60)
    assert_allclose(run.parameters[:6], fitted.intercept_, atol=0.03)
    assert_allclose(run.parameters[6:].reshape(6, 6), fitted.coef_, atol=0.03)
    assert run.history["loss"][-1] < run.history["loss"][0]


# Epochs


def test_the_history(centres):
    descent = centres.descent(schedule=lambda step: 1 / (1 + step))
    seen = []
    start = descent.parameters.copy()
    run = minimize_batches(
        *(descent, centres.batches(8)),
        max_epochs=2,
        validate=lambda x: float(x[0]),
        callback=lambda run: seen.append((run.epoch, run.parameters.copy(), run.descent.parameters.copy())),
    )
    values, x = [], start
    for step, batch in enumerate([*centres.batches(8)(0, 0), *centres.batches(8)(1, 0)]):
        values.append(0.5 * ((batch - x) ** 2).sum())
        x = x + 0.1 / (1 + step) * (batch - x).mean(axis=0)
    assert_allclose(run.history["loss"], [sum(values[:3]) / 20, sum(values[3:]) / 20], rtol=1e-13)
    assert_allclose(run.history["learning_rate"], [0.1 / 3, 0.1 / 6])
    assert run.history["validation"] == [float(last[0]) for _, _, last in seen]
    assert 0 <= run.history["seconds"][0] <= run.history["seconds"][1] <= run.seconds
    assert [epoch for epoch, _, _ in seen] == [1, 2]
    assert (run.epoch, run.batch, run.stopped) == (2, 0, "max_epochs")


def check_early_stopping(centres, validations, n_epochs, best_epoch, **options):
    validations = iter(validations)
    points = []

    def validate(x):
        points.append(x.copy())
        return next(validations)

    run = minimize_batches(
        *(centres.descent(), centres.batches(20)), max_epochs=7, validate=validate, **options
    )
    assert (run.epoch, run.best_epoch) == (n_epochs, best_epoch)
    assert run.stopped == ("max_epochs" if n_epochs == 7 else "patience")
    assert_array_equal(run.parameters, points[(best_epoch or n_epochs) - 1])


def test_early_stopping_keeps_the_best(centres):
    check_early_stopping(centres, [5, 4, 3, 4, 2, 3, 3], 7, 5)
    check_early_stopping(centres, [5, 4, 3, 4, 2, 3, 3], 7, 5, patience=2)
    check_early_stopping(centres, [5, 4, 3, 4, 2, 3, 3], 4, 3, patience=1)
    check_early_stopping(centres, [5, 4.5, 3.5, 3.4, 3], 4, 3, patience=1, tol=0.4)
    check_early_stopping(centres, [np.inf, 2, np.inf, 3], 4, 2, patience=2)
    check_early_stopping(centres, [np.inf] * 3, 3, None, patience=3)


def test_the_average_is_what_is_validated_and_returned(centres):
    descent = centres.descent(average_from=1)
    seen = []
    run = minimize_batches(
        descent, centres.batches(4), max_epochs=3, validate=lambda x: seen.append(x.copy()) or -len(seen)
    )
    assert_array_equal(run.parameters, descent.average)
    assert_array_equal(seen[-1], descent.average)
    assert not np.array_equal(descent.average, descent.parameters)
    plain = minimize_batches(centres.descent(average_from=1), centres.batches(4), max_epochs=3)
    assert_array_equal(plain.parameters, run.parameters)


def test_a_callback_stops(centres):
    run = minimize_batches(
        centres.descent(), centres.batches(4), max_epochs=9, callback=lambda run: run.epoch == 2
    )
    assert (run.epoch, run.stopped) == (2, "callback")


def test_time_is_up_between_two_steps(centres, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr("fastmle.solvers.stochastic.time.monotonic", lambda: float(next(clock)))
    run = minimize_batches(centres.descent(), centres.batches(4), max_epochs=9, max_time=6)
    assert run.stopped == "max_time"
    assert 1 < run.descent.n_steps < 9
    run = minimize_batches(centres.descent(), centres.batches(4), max_epochs=9, max_time=0)
    assert (run.descent.n_steps, run.epoch, run.batch) == (1, 0, 1)


# Going on

RUNS = {
    "sgd": (lambda: SGD(weight_decay=0.1), {"average_from": 2}, {}),
    "momentum": (Momentum, {"clip_norm": 0.2, "average_from": 9}, {"accumulate": 2}),
    "adam": (Adam, {"schedule": WarmUp(3, Cosine(30))}, {"validate": True, "patience": 3}),
    "adamw": (AdamW, {"penalty": 0.01, "n_jobs": 2}, {"validate": True, "accumulate": 3}),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_is_stopped_and_resumed_gives_the_same_bits(name, weighted, rng, weights):
    network = Network(rng, n_samples=90, weight=weights(90) if weighted else None)
    make, settings, options = RUNS[name]
    if options.get("validate"):
        options = options | {"validate": network.loss}
    minibatches = Minibatches(network.bits, 13, random_state=7)
    options = options | {"key": minibatches.key}

    def go(resume=None, max_epochs=5, **more):
        """Go on in a new process, as it were: nothing but a file is taken along."""
        own = Minibatches(network.bits, 13, random_state=7)
        resume = None if resume is None else load(save(resume))
        return minimize_batches(
            network.descent(make(), **settings), own, max_epochs=max_epochs, resume=resume, **options | more
        )

    whole = go()
    by_epochs = go(max_epochs=2)
    by_epochs = go(by_epochs.state(), max_epochs=3)
    by_epochs = go(by_epochs.state())
    by_steps, places = go(max_time=0), set()
    while by_steps.stopped == "max_time":
        places.add((by_steps.epoch, by_steps.batch))
        by_steps = go(by_steps.state(), max_time=0)
    assert len(places) > 8
    assert any(batch > 0 for _, batch in places)
    expected = whole.state()
    for run in (by_epochs, by_steps):
        assert_array_equal(run.parameters, whole.parameters)
        found = run.state()
        assert set(found) == set(expected)
        for entry in set(expected) - {"seconds", "history.seconds"}:
            assert_array_equal(found[entry], expected[entry], err_msg=entry)
        assert run.stopped == whole.stopped
        assert np.all(np.diff(run.history["seconds"]) >= 0)


def test_a_state_is_a_copy(centres):
    run = minimize_batches(
        *(centres.descent(Adam(), average_from=0), centres.batches(4)), max_epochs=1, validate=lambda x: 0.0
    )
    state = run.state()
    kept = {name: array.copy() for name, array in state.items()}
    again = minimize_batches(
        centres.descent(Adam(), average_from=0), centres.batches(4), max_epochs=3, resume=state
    )
    minimize_batches(run.descent, centres.batches(4), max_epochs=1)
    assert again.descent.n_steps == 15
    for name, array in kept.items():
        assert_array_equal(state[name], array)


def test_states_of_other_runs_are_refused(centres):
    run = minimize_batches(centres.descent(Adam()), centres.batches(4), max_epochs=1, key=[1, 2])
    state = run.state()

    def refused(message, descent=None, key=(1, 2), state=state):
        descent = descent or centres.descent(Adam())
        before = descent.state()
        with pytest.raises(ValueError, match=message):
            minimize_batches(descent, centres.batches(4), max_epochs=2, key=key, resume=state)
        after = descent.state()
        for name, array in before.items():
            assert_array_equal(after[name], array)

    refused("other batches: seed, number of rows and batch size", key=[1, 3])
    refused("other batches", key=None)
    refused("no state of Momentum", descent=centres.descent(Momentum()))
    refused(
        r"another model: its .* is float64 of shape \(3,\), the parameters are float64 of shape \(4,\)",
        descent=StochasticDescent(centres.value_and_gradient, np.zeros(4), Adam(), learning_rate=1),
    )
    refused("parameters are float32", descent=centres.descent(Adam(), x=np.zeros(3, dtype=np.float32)))
    for name in state:
        rest = {entry: array for entry, array in state.items() if entry != name}
        refused("missing|no state of", state=rest)
    refused("missing", state={})


# Divergence


def test_a_run_that_diverges_goes_back_to_its_last_finite_state(centres):
    descent = centres.descent(learning_rate=1e3)
    states = []
    with pytest.raises(DivergenceError) as caught:
        minimize_batches(
            *(descent, centres.batches(5)),
            max_epochs=1000,
            callback=lambda run: states.append(run.state()),
        )
    error = caught.value
    assert f"in epoch {error.epoch}, batch {error.batch} (counted from 0): step " in str(error)
    assert "learning rate 1000, met a log-likelihood of -inf" in str(error)
    assert "lower the learning rate, or set clip_norm" in str(error)
    assert error.learning_rate == 1000
    # It is the state at the end of an earlier epoch, where the descent stands again.
    n_epochs = int(error.state["epoch"])
    assert 2 < n_epochs in (error.epoch, error.epoch - 1)
    for name in ("parameters", "optimizer.n_steps", "history.loss"):
        assert_array_equal(error.state[name], states[n_epochs - 1][name])
    assert_array_equal(descent.parameters, error.state["parameters"])
    assert np.isfinite(centres.value_and_gradient(centres.rows, descent.parameters)[0])
    # The run can go on from there, more slowly.
    calm = centres.descent(learning_rate=0.9)
    run = minimize_batches(calm, centres.batches(20), max_epochs=n_epochs + 200, resume=error.state)
    assert_allclose(run.parameters, centres.rows.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["value", "gradient"])
@pytest.mark.parametrize("when", [0, 1, 4, 6])
def test_a_value_or_gradient_that_is_not_finite(where, when, lost, centres):
    n_calls = 0

    def value_and_gradient(batch, x):
        nonlocal n_calls
        value, gradient = centres.value_and_gradient(batch, x)
        if n_calls == when and where == "value":
            value = lost
        elif n_calls == when:
            gradient[1] = lost
        n_calls += 1
        return value, gradient

    descent = StochasticDescent(value_and_gradient, np.full(3, 2.0), Adam(), learning_rate=0.1)
    with pytest.raises(DivergenceError, match=f"epoch {when // 4}, batch {when % 4} ") as caught:
        minimize_batches(descent, centres.batches(5), max_epochs=3)
    assert (caught.value.epoch, caught.value.batch) == divmod(when, 4)
    # The beginning of the epoch, but where its first batch is the one: that of the epoch before.
    n_epochs = max(0, (when - 1) // 4)
    fresh = centres.descent(Adam(), x=np.full(3, 2.0))
    if n_epochs:
        minimize_batches(fresh, centres.batches(5), max_epochs=n_epochs)
    assert_array_equal(descent.parameters, fresh.parameters)
    assert_array_equal(caught.value.state["parameters"], fresh.parameters)
    assert int(caught.value.state["epoch"]) == n_epochs


def test_a_step_that_fails_changes_nothing(centres):
    descent = centres.descent(Adam(), average_from=0)
    descent.step([centres.rows])
    before = descent.state()
    with pytest.raises(DivergenceError, match=r"step 1, of learning rate 0\.1, met a log-likelihood of nan"):
        descent.step([np.full((2, 3), np.nan)])
    after = descent.state()
    for name, array in before.items():
        assert_array_equal(after[name], array)


def test_what_is_lost_in_the_last_step_is_noticed(centres):
    with pytest.raises(DivergenceError, match=r"epoch 0, batch 1 .*: a parameter is not finite after a step"):
        minimize_batches(
            centres.descent(x=np.full(3, 1e4, dtype=np.float32), learning_rate=1e38),
            lambda epoch, first: [centres.rows.astype(np.float32)],
            max_epochs=1,
        )
    descent = centres.descent()
    with pytest.raises(DivergenceError, match="the validation is NaN"):
        minimize_batches(descent, centres.batches(5), max_epochs=1, validate=lambda x: np.nan)
    assert_array_equal(descent.parameters, 0.0)


def test_the_error_goes_through_a_pickle():
    error = pickle.loads(pickle.dumps(DivergenceError("lost", epoch=3, batch=4, learning_rate=0.5, state={})))
    assert str(error) == "lost"
    assert (error.epoch, error.batch, error.learning_rate, error.state) == (3, 4, 0.5, {})


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0}, "learning_rate must be a number > 0, got 0"),
        ({"learning_rate": np.inf}, "learning_rate must be"),
        ({"learning_rate": None}, "learning_rate must be a number > 0, got None"),
        ({"penalty": -1.0}, "penalty must be a number >= 0"),
        ({"clip_norm": 0.0}, "clip_norm must be a number > 0"),
        ({"average_from": -1}, "average_from must be an integer of at least 0"),
    ],
)
def test_settings_of_a_descent_that_make_no_sense(options, message, centres):
    with pytest.raises(ValueError, match=message):
        centres.descent(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be an integer of at least 1, got 0"),
        ({"max_time": -1}, "max_time must be a number >= 0"),
        ({"accumulate": 1.5}, "accumulate must be an integer"),
        ({"patience": 0, "validate": len}, "patience must be an integer of at least 1"),
        ({"patience": 3}, "patience needs validate"),
        ({"tol": np.nan}, "tol must be a number >= 0"),
        ({"batches": lambda epoch, first: []}, "epoch 0 has no batches"),
    ],
)
def test_settings_of_a_run_that_make_no_sense(options, message, centres):
    options = {"batches": centres.batches(5), "max_epochs": 1} | options
    with pytest.raises(ValueError, match=message):
        minimize_batches(centres.descent(), **options)
