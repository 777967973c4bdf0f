"""Stochastic fits of estimators: the batch optimum, gradients, seeds, resumption, what goes wrong."""

import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from fastmle import (
    FVSBN,
    BitMatrix,
    DivergenceError,
    ModelFileError,
    NotFittedError,
    SeparationWarning,
    load,
)
from fastmle.data import Minibatches
from fastmle.estimators._stochastic import STOCHASTIC_SOLVERS

FITTED = ("coef_", "intercept_", "loss_curve_", "validation_curve_")


@pytest.fixture
def chain(rng, random_fvsbn):
    """Draws from a random network, 900 x 12."""
    coef, intercept = random_fvsbn(12, scale=1.5)
    X = np.zeros((900, 12), dtype=np.uint8)
    for i in range(12):
        X[:, i] = rng.random(900) < expit(intercept[i] + X @ coef[i])
    return X


def assert_same_fit(first, second, names=FITTED):
    for name in names:
        assert_array_equal(getattr(first, name), getattr(second, name))


def make_problem(model, bits, order):
    return model._make_problem(bits, order, np.random.SeedSequence(0), warm=False, streaming=False)


def places(problem, n_features):
    """Return the entries that are parameters: intercepts first."""
    return np.concatenate([np.arange(n_features), *(np.arange(*run) for run in problem._lines.runs())])


def penalised(model, problem, rows, parameters):
    """Return the stochastic objective of rows, per row, in nats."""
    b, coef = problem._lines.unpack(parameters)
    pseudo = model.smoothing * (np.log(expit(b)) + np.log(expit(-b))).sum()
    penalty = 0.5 * model.alpha * (coef**2).sum()
    return -problem.log_likelihood(rows, parameters) + (penalty - pseudo) / rows.total_weight


@pytest.mark.parametrize("solver", STOCHASTIC_SOLVERS)
@pytest.mark.parametrize("options", [{}, {"alpha": 10.0, "smoothing": 3.0}, {"label_smoothing": 0.1}])
def test_all_solvers_go_to_the_batch_optimum(chain, solver, options):
    # The steps shrink to nothing, so what is left is the way that they have not gone.
    X = chain[:, :7]
    best = FVSBN(tol=1e-9, **options).fit(X)
    model = FVSBN(solver=solver, schedule="cosine", max_epochs=80, random_state=0, **options).fit(X)
    assert_allclose(model.coef_, best.coef_, atol=0.05)
    assert_allclose(model.intercept_, best.intercept_, atol=0.05)
    assert abs(model.score(X) - best.score(X)) < 1e-3


def test_the_optimum_of_smoothed_labels(chain):
    # A row whose labels are smoothed counts as two: with this outcome, and with the other.
    s = 0.2
    model = FVSBN(label_smoothing=s, smoothing=0.0, alpha=2.0, tol=1e-9).fit(chain[:, :5])
    twice = np.vstack([chain[:, :5], chain[:, :5]])
    twice[len(chain) :, 4] ^= 1
    weight = np.repeat([1 - s / 2, s / 2], len(chain))
    explicit = FVSBN(smoothing=0.0, alpha=2.0, tol=1e-9).fit(twice, sample_weight=weight)
    assert_allclose(model.coef_[4], explicit.coef_[4], atol=1e-7)
    assert_allclose(model.intercept_[4], explicit.intercept_[4], atol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 64, 300])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_gradients_of_an_epoch_average_to_the_full_gradient(
    random_bits, rng, weights, weighted, batch_size, label_smoothing
):
    weight = weights(300) if weighted else None
    bits = BitMatrix.from_array(random_bits(300, 9), sample_weight=weight)
    bits = bits if weight is None else bits[np.flatnonzero(weight)]
    batch_size = min(batch_size, len(bits))
    problem = make_problem(FVSBN(label_smoothing=label_smoothing, smoothing=2.0), bits, np.arange(9))
    parameters = problem._lines.pack(rng.normal(size=(9, 9)), rng.normal(size=9))
    total, value = np.zeros(len(parameters)), 0.0
    for number, batch in enumerate(Minibatches(bits, batch_size, random_state=0)(0)):
        more, gradient = problem.value_and_gradient(batch, parameters, (number, 0))
        total += gradient / len(bits)
        value += more / len(bits)
    (whole,) = Minibatches(bits, len(bits), random_state=1)(0)
    full_value, full = problem.value_and_gradient(whole, parameters, (0, 0))
    counted = places(problem, 9)  # other entries may be anything
    assert_allclose(total[counted], full[counted] / len(bits), atol=2e-6)
    assert_allclose(value, full_value / len(bits), rtol=1e-6)
    assert_allclose(value, problem.log_likelihood(bits, parameters), rtol=1e-6)


def test_the_gradient_is_that_of_the_objective(random_bits, rng, weights):
    model = FVSBN(smoothing=2.0, alpha=3.0)
    bits = BitMatrix.from_array(random_bits(200, 6), sample_weight=weights(200) + 0.1)
    problem = make_problem(model, bits, np.arange(6))
    parameters = problem._lines.pack(rng.normal(size=(6, 6)), rng.normal(size=6))
    (whole,) = Minibatches(bits, 200, random_state=0)(0)
    gradient = -problem.value_and_gradient(whole, parameters, (0, 0))[1] / 200
    gradient[6:] += model.alpha / bits.total_weight * parameters[6:]
    assert len(places(problem, 6)) == 6 + 15
    for entry in places(problem, 6):
        ends = []
        for step in (1e-2, -1e-2):
            moved = parameters.copy()
            moved[entry] += step
            ends.append(penalised(model, problem, bits, moved))
        assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(gradient[entry], abs=2e-4)


@pytest.mark.parametrize("solver", ["sgd", "adamw"])
@pytest.mark.parametrize("n_rows", [1, 37, 1500])
def test_threads_do_not_change_a_bit(random_bits, solver, n_rows, monkeypatch):
    monkeypatch.setattr("fastmle.engine.MIN_PARALLEL_WORK", 0)
    X = random_bits(n_rows, 150, 0.3)
    options = {"solver": solver, "max_epochs": 2, "batch_size": min(n_rows, 700), "random_state": 1}
    one, two = (FVSBN(n_jobs=n_jobs, **options).fit(X) for n_jobs in (1, 2))
    assert_same_fit(one, two)
    one, two = (FVSBN(n_jobs=n_jobs, random_state=1).partial_fit(X) for n_jobs in (1, 2))
    assert_same_fit(one, two)


def test_the_seed_decides(chain):
    def fit(seed, **options):
        return FVSBN(solver="adam", max_epochs=2, random_state=seed, **options).fit(chain)

    assert_same_fit(fit(3), fit(3))
    assert_same_fit(fit(3, early_stopping=True), fit(3, early_stopping=True))
    assert not np.array_equal(fit(3).coef_, fit(4).coef_)


def test_single_rows_as_batches(chain):
    model = FVSBN(solver="adam", batch_size=1, learning_rate=0.02, max_epochs=5, random_state=0).fit(chain)
    assert model.score(chain) == pytest.approx(FVSBN().fit(chain).score(chain), abs=0.02)


def test_the_scale_of_weights_is_that_of_the_penalty(chain, rng):
    weight = rng.exponential(size=len(chain))
    fits = [
        FVSBN(solver="adamw", alpha=scale, smoothing=scale, max_epochs=3, random_state=0).fit(
            chain, sample_weight=scale * weight
        )
        for scale in (1.0, 8.0)
    ]
    assert_allclose(fits[0].coef_, fits[1].coef_, atol=1e-5)
    assert fits[1].total_weight_ == pytest.approx(8 * weight.sum())


def test_weights_are_repetitions_at_the_optimum(chain, rng):
    weight = rng.integers(0, 4, len(chain))
    options = {"solver": "adamw", "schedule": "cosine", "max_epochs": 60, "random_state": 0}
    chain = chain[:, :7]
    weighted = FVSBN(**options).fit(chain, sample_weight=weight)
    repeated = FVSBN(**options).fit(np.repeat(chain, weight, axis=0))
    assert weighted.n_samples_seen_ == np.count_nonzero(weight)
    assert weighted.total_weight_ == weight.sum()
    assert_allclose(weighted.coef_, repeated.coef_, atol=0.05)
    removed = FVSBN(**options).fit(chain[weight > 0], sample_weight=weight[weight > 0])
    assert_same_fit(weighted, removed)  # a weight of zero is the row removed, to the last bit


def test_an_order_is_a_renaming_of_columns(chain):
    options = {"solver": "adam", "max_epochs": 2, "random_state": 0}
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7, 11, 10])
    model = FVSBN(order=order, **options).fit(chain)
    renamed = FVSBN(**options).fit(chain[:, order])
    assert_array_equal(model.coef_[np.ix_(order, order)], renamed.coef_)
    assert_array_equal(model.intercept_[order], renamed.intercept_)


def test_curves_and_what_ended_the_fit(chain):
    train, held_out = chain[:600], chain[600:]
    model = FVSBN(solver="adam", max_epochs=7, random_state=0).fit(train, X_val=held_out)
    assert (model.n_iter_, model.stopped_, model.converged_) == (7, "max_epochs", False)
    for curve in (model.loss_curve_, model.validation_curve_, model.seconds_curve_):
        assert curve.shape == (7,)
    assert np.all(np.diff(model.seconds_curve_) > 0)
    assert model.best_epoch_ == 1 + np.argmin(model.validation_curve_)
    assert -model.score(held_out) == pytest.approx(model.validation_curve_.min(), rel=1e-6)
    plain = FVSBN(solver="adam", max_epochs=7, random_state=0).fit(train)
    assert plain.validation_curve_.shape == (0,)
    assert plain.best_epoch_ is None
    batch = FVSBN().fit(train)
    assert (batch.stopped_, batch.best_epoch_) == ("tol", None)
    assert batch.seconds_curve_.shape == batch.loss_curve_.shape
    assert np.all(np.diff(batch.seconds_curve_) > 0)


def test_early_stopping_keeps_the_best(rng):
    X = (rng.random((60, 30)) < 0.5).astype(np.uint8)  # nothing to be learned
    model = FVSBN(solver="adam", alpha=0.01, early_stopping=True, patience=3, max_epochs=200, random_state=0)
    model.fit(X)
    assert (model.stopped_, model.converged_) == ("patience", True)
    assert model.n_iter_ == model.best_epoch_ + 3 < 200
    assert model.n_samples_seen_ == 54
    model.set_params(validation_fraction=0.5).fit(X)
    assert model.n_samples_seen_ == 30


def test_rows_held_out_have_weights(chain, rng):
    weight = rng.exponential(size=300)
    held_out = BitMatrix.from_array(chain[600:], sample_weight=weight)
    model = FVSBN(solver="adam", max_epochs=3, random_state=0).fit(chain[:600], X_val=held_out)
    assert -model.score(held_out) == pytest.approx(model.validation_curve_.min(), rel=1e-6)


def test_time_is_up(chain):
    model = FVSBN(solver="adam", max_epochs=10**6, max_time=0.2, random_state=0)
    start = time.monotonic()
    model.fit(chain)
    assert model.stopped_ == "max_time"
    assert time.monotonic() - start < 60  # not the millions of epochs
    model.score(chain)


@pytest.mark.parametrize("solver", ["momentum", "adamw"])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True, "accumulate": 3}, {"average": False}])
def test_a_resumed_fit_is_the_same_bits(chain, tmp_path, solver, options):
    options = {"solver": solver, "random_state": 5, "order": "random", "patience": 20, **options}
    whole = FVSBN(max_epochs=6, **options).fit(chain)
    path = tmp_path / "state"
    FVSBN(max_epochs=2, checkpoint=path, **options).fit(chain)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    resumed = FVSBN(max_epochs=6, checkpoint=path, **options).fit(chain)
    assert_same_fit(whole, resumed)
    assert resumed.seconds_curve_.shape == (6,)
    again = FVSBN(max_epochs=6, checkpoint=str(path), n_jobs=2, **options).fit(chain)
    assert_same_fit(whole, again)  # finished: nothing is done twice


def test_a_fit_that_was_interrupted_goes_on(chain, tmp_path):
    class Interrupt:
        def setup(self, estimator, context):
            pass

        teardown = on_fit_task_begin = setup

        def on_fit_task_end(self, estimator, context):
            if context.task_id == 2:
                raise KeyboardInterrupt

    options = {"solver": "adam", "random_state": 5, "max_epochs": 5}
    model = FVSBN(checkpoint=tmp_path / "state", **options)
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(Interrupt()).fit(chain)
    with pytest.raises(NotFittedError):
        model.score(chain)
    model.set_callbacks().fit(chain)
    assert_same_fit(model, FVSBN(**options).fit(chain))


def test_a_fit_out_of_time_goes_on_inside_its_epoch(chain, tmp_path):
    options = {"solver": "adam", "random_state": 5, "batch_size": 20}
    path = tmp_path / "state"
    FVSBN(max_epochs=3, max_time=0, checkpoint=path, **options).fit(chain)  # a single step
    resumed = FVSBN(max_epochs=3, checkpoint=path, **options).fit(chain)
    assert_same_fit(resumed, FVSBN(max_epochs=3, **options).fit(chain))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"random_state": 6}, "random_state 5 instead of 6"),
        ({"solver": "adamw"}, "solver 'adam' instead of 'adamw'"),
        ({"batch_size": 100}, "batch_size 50 instead of 100"),
        ({"order": "random"}, "other order"),
        ({"accumulate": 2}, "accumulate 1 instead of 2"),
        ({"alpha": 2.0}, "alpha 1.0 instead of 2.0"),
        ({"smoothing": 1.0}, "smoothing 0.5 instead of 1.0"),
        ({"label_smoothing": 0.1}, "label_smoothing 0.0 instead of 0.1"),
    ],
)
def test_states_of_other_fits_are_refused(chain, tmp_path, change, message):
    options = {"solver": "adam", "random_state": 5, "batch_size": 50, "max_epochs": 1}
    path = tmp_path / "state"
    model = FVSBN(checkpoint=path, **options).fit(chain)
    before, content = dict(vars(model)), path.read_bytes()
    with pytest.raises(ValueError, match=f"is of another fit: .*{message}.*remove this one"):
        FVSBN(checkpoint=path, **(options | change)).fit(chain)
    with pytest.raises(ValueError, match="columns 12 instead of 11"):
        model.fit(chain[:, :11])
    with pytest.raises(ValueError, match="other ones"):
        model.fit(1 - chain)
    assert vars(model) == before
    assert path.read_bytes() == content


def test_states_with_other_rows_held_out_are_refused(chain, tmp_path):
    model = FVSBN(solver="adam", random_state=5, max_epochs=1, checkpoint=tmp_path / "state")
    model.fit(chain[100:], X_val=chain[:100])
    with pytest.raises(ValueError, match="other held_out_ones"):
        model.fit(chain[100:], X_val=1 - chain[:100])


def test_numbers_of_numpy_are_settings_too(chain, tmp_path):
    settings = {"batch_size": 50, "accumulate": 2, "random_state": 5, "average": True, "max_epochs": 1}
    of_numpy = {name: np.array(value)[()] for name, value in settings.items()}
    FVSBN(solver="adam", checkpoint=tmp_path / "state", **of_numpy).fit(chain)
    again = FVSBN(solver="adam", checkpoint=tmp_path / "state", **settings).fit(chain)
    assert_same_fit(again, FVSBN(solver="adam", **settings).fit(chain))


def test_files_of_models_with_a_checkpoint_or_a_function(chain, tmp_path):
    model = FVSBN(solver="adam", max_epochs=1, random_state=0, checkpoint=tmp_path / "state").fit(chain)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").checkpoint == str(tmp_path / "state")
    content = (tmp_path / "model").read_bytes()
    model.set_params(schedule=lambda step: 1.0)
    with pytest.raises(TypeError, match=r"schedule is a function, .* set_params\(schedule="):
        model.save(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == content


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf, None])
def test_schedules_that_make_no_sense(chain, factor):
    model = FVSBN(solver="sgd", schedule=lambda step: 1.0 if step < 5 else factor)
    with pytest.raises(ValueError, match="what schedule returns at step 5 must be a number >= 0"):
        model.fit(chain)


def test_files_that_are_no_checkpoints(chain, tmp_path):
    path = tmp_path / "file"
    options = {"solver": "adam", "max_epochs": 1, "random_state": 0, "checkpoint": path}
    FVSBN().fit(chain).save(path)
    content = path.read_bytes()
    with pytest.raises(ModelFileError, match="no fastmle checkpoint; name another file"):
        FVSBN(**options).fit(chain)
    assert path.read_bytes() == content
    path.write_bytes(content[:100])
    with pytest.raises(ModelFileError, match=r"damaged.*name another file as checkpoint, or remove this"):
        FVSBN(**options).fit(chain)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        FVSBN(**options | {"checkpoint": tmp_path / "nowhere" / "file"}).fit(chain)
    with pytest.raises(ValueError, match="checkpoint needs an integer as random_state"):
        FVSBN(**options | {"random_state": None}).fit(chain)


def test_divergence_is_told_and_keeps_the_earlier_fit(chain, tmp_path):
    model = FVSBN().fit(chain)
    before = dict(vars(model))
    model.set_params(solver="sgd", learning_rate=1e200, schedule="constant", random_state=0)
    with pytest.raises(DivergenceError, match=r"epoch 0, batch 1 .*learning rate 1e\+200"):
        model.fit(chain)
    assert {name: vars(model)[name] for name in before if name.endswith("_")} == {
        name: value for name, value in before.items() if name.endswith("_")
    }
    assert np.isfinite(model.score(chain))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "all"}, "batch_size"),
        ({"batch_size": 901}, "batch_size=901 is larger than the data, which have 900 rows"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"max_time": -1.0}, "max_time"),
        ({"accumulate": 0}, "accumulate"),
        ({"patience": 0}, "patience"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"validation_fraction": 0.9999, "early_stopping": True}, "hold out 900 of 900 rows"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"weight_decay": 0.1, "solver": "adam"}, "solver='adam' knows no weight_decay"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"warm_up": -1}, "warm_up"),
        ({"schedule": "linear"}, "schedule"),
        ({"solver": "lbfgs"}, "solver"),
        ({"checkpoint": 3}, "checkpoint"),
    ],
)
def test_parameters_that_make_no_sense(chain, options, message):
    model = FVSBN(solver="adamw", max_epochs=1).fit(chain)
    coef = model.coef_
    with pytest.raises(ValueError, match=message):
        model.set_params(**options).fit(chain)
    assert model.coef_ is coef


def test_bad_validation_rows(chain):
    frame = pd.DataFrame(chain, columns=list("abcdefghijkl"))
    model = FVSBN(solver="adam", max_epochs=1)
    with pytest.raises(ValueError, match="X_val has 11 columns, but X has 12"):
        model.fit(chain, X_val=chain[:, :11])
    with pytest.raises(ValueError, match="X_val must have the column names of X"):
        model.fit(frame, X_val=frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="X_val is for a stochastic solver"):
        FVSBN().fit(chain, X_val=chain)


@pytest.mark.parametrize(
    ("options", "by_hand"),
    [
        ({"schedule": "constant"}, lambda step: 1.0),
        ({"schedule": "inverse_sqrt"}, lambda step: 1 / np.sqrt(1 + step / 100)),
        ({"schedule": "cosine"}, lambda step: 0.5 * (1 + np.cos(np.pi * step / 12))),
        ({"schedule": "step"}, lambda step: 0.1 ** (step // 4)),
        ({"schedule": "constant", "warm_up": 4}, lambda step: min(1.0, (step + 1) / 4)),
        (
            {"schedule": "step", "warm_up": 3},
            lambda step: (step + 1) / 3 if step < 3 else 0.1 ** (step // 3 - 1),
        ),
    ],
)
def test_schedules_are_as_long_as_the_fit(chain, options, by_hand):
    def fit(**options):
        settings = {"learning_rate": 0.5, "average": False, "batch_size": 300, "max_epochs": 4}
        return FVSBN(solver="sgd", random_state=0, **settings, **options).fit(chain)  # 12 steps

    assert_allclose(fit(**options).coef_, fit(schedule=by_hand).coef_, atol=1e-6)
    assert not np.allclose(fit(**options).coef_, fit(schedule=lambda step: 0.3).coef_, rtol=1e-3)


def test_verbose_prints_epochs(chain, capsys):
    FVSBN(solver="adam", max_epochs=2, verbose=1, early_stopping=True, random_state=0).fit(chain)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("[FVSBN] epoch 2: ")
    assert "held out" in lines[1]


def test_callbacks_see_a_model_after_each_epoch(chain):
    class Recorder:
        def setup(self, estimator, context):
            self.scores = []

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            if context.task_name == "epoch":
                self.scores.append(fitted_estimator.score(X))

    recorder = Recorder()
    frame = pd.DataFrame(chain, columns=list("abcdefghijkl"))
    model = FVSBN(solver="adam", order="random", max_epochs=3, random_state=0)
    model.set_callbacks(recorder).fit(frame)
    assert len(recorder.scores) == model.n_iter_ == 3
    assert recorder.scores[-1] == model.score(frame)
    assert recorder.scores[0] < recorder.scores[-1]


def test_warm_start_goes_on(chain):
    best = FVSBN().fit(chain)
    model = FVSBN(warm_start=True).fit(chain)
    model.set_params(solver="sgd", learning_rate=1e-12, max_epochs=1, random_state=0).fit(chain)
    assert_allclose(model.coef_, best.coef_, atol=1e-6)
    model.set_params(warm_start=False).fit(chain)
    assert np.abs(model.coef_).max() < 1e-6


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_constant_columns(solver):
    X = np.array([[0, 1, 1, 0], [0, 1, 0, 1], [0, 1, 1, 1]] * 20)
    model = FVSBN(solver=solver, smoothing=0.0, max_epochs=2, random_state=0)
    with pytest.warns(SeparationWarning, match=r"column\(s\) 0, 1: a single outcome"):
        model.fit(X)
    assert_array_equal(model.intercept_[:2], [-np.inf, np.inf])
    assert not model.coef_[:2].any()
    assert np.isfinite(model.score(X))
    assert model.score_samples([[1, 1, 0, 0]])[0] == -np.inf
    assert np.isfinite(FVSBN(solver=solver, max_epochs=2).fit(X).intercept_).all()
