"""The optimisers: PyTorch's steps, layouts, precision, states."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import kernels
from fastmle.solvers import OPTIMIZERS, SGD, Adam, AdamW, Layout, Momentum, slope_norm
from fastmle.solvers.first_order import move_towards

EVERY = [
    SGD(weight_decay=0.1),
    Momentum(),
    Momentum(momentum=0.8, nesterov=True, weight_decay=0.1),
    Adam(beta1=0.8, beta2=0.9, epsilon=1e-4),
    AdamW(weight_decay=0.1),
]


def fresh(optimizer):
    """Return an optimiser of the same settings that has made no step."""
    settings = {k: v for k, v in vars(optimizer).items() if k != "n_steps" and not k.startswith("_")}
    return type(optimizer)(**settings)


@pytest.fixture(params=EVERY, ids=repr)
def optimizer(request):
    return fresh(request.param)


def of_torch(torch):
    """Pairs of an optimiser and the one of PyTorch, with the penalty that PyTorch calls weight decay."""
    optim = torch.optim
    return {
        "sgd": (SGD(), 0.0, optim.SGD, {}),
        "sgd, penalty": (SGD(), 0.2, optim.SGD, {"weight_decay": 0.2}),
        "heavy ball": (Momentum(), 0.2, optim.SGD, {"momentum": 0.9, "weight_decay": 0.2}),
        "nesterov": (
            Momentum(momentum=0.7, nesterov=True),
            0.0,
            optim.SGD,
            {"momentum": 0.7, "nesterov": True},
        ),
        "adam": (Adam(), 0.0, optim.Adam, {}),
        "adam, penalty": (Adam(beta1=0.8), 0.2, optim.Adam, {"betas": (0.8, 0.999), "weight_decay": 0.2}),
        "adamw": (AdamW(), 0.0, optim.AdamW, {}),
        "adamw, all": (
            AdamW(beta1=0.8, beta2=0.95, epsilon=1e-3, weight_decay=0.3),
            0.0,
            optim.AdamW,
            {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3},
        ),
    }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "name", ["sgd", "sgd, penalty", "heavy ball", "nesterov", "adam", "adam, penalty", "adamw", "adamw, all"]
)
def test_fifty_steps_of_pytorch(name, dtype, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its steps cannot be compared")
    ours, penalty, theirs, settings = of_torch(torch)[name]
    x = rng.normal(size=40).astype(dtype)
    parameter = torch.nn.Parameter(torch.tensor(x))
    theirs = theirs([parameter], lr=0.1, **settings)
    for step in range(50):
        rate = 0.1 / (1 + 0.1 * step)
        gradient = rng.normal(size=40) * 10.0 ** rng.integers(-4, 3, size=40)
        gradient = (gradient * (rng.random(40) < 0.7)).astype(dtype)
        theirs.param_groups[0]["lr"] = rate
        parameter.grad = torch.tensor(gradient)
        theirs.step()
        ours.update(x, (-3 * gradient).astype(dtype), rate, scale=-1 / 3, penalty=penalty)
        expected = parameter.detach().numpy()
        tolerance = 1e-12 if dtype == "float64" else 1e-6
        assert_allclose(x, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def test_weight_decay_is_apart_from_the_slope(rng):
    # With no gradient the weights shrink by 1 - rate * decay, however the optimiser scales its steps.
    for cls in (SGD, Momentum, AdamW):
        x = rng.normal(size=5)
        expected = x * (1 - 0.5 * 0.1) ** 3
        optimizer = cls(weight_decay=0.1)
        for _ in range(3):
            optimizer.update(x, np.zeros(5), 0.5)
        assert_allclose(x, expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_layout_says_what_is_stepped_and_what_is_penalised(optimizer, dtype, rng):
    layout = Layout(weights=[(3, 7), (9, 10)], others=[(0, 2)])
    x = rng.normal(size=12).astype(dtype)
    gradient = rng.normal(size=12).astype(dtype)
    outside = [2, 7, 8, 10, 11]
    x[outside] = gradient[outside] = np.nan
    start, weights, others = x.copy(), [3, 4, 5, 6, 9], [0, 1]
    own = {}
    for chosen, penalty in ((weights, 0.3), (others, 0.0)):
        part = x[chosen]
        alone = fresh(optimizer)
        if chosen is others:
            alone.weight_decay = 0.0
        for _ in range(3):
            alone.update(part, gradient[chosen], 0.1, penalty=penalty)
        own[penalty] = part
    for _ in range(3):
        optimizer.update(x, gradient, 0.1, penalty=0.3, layout=layout)
    assert_array_equal(x[weights], own[0.3])
    assert_array_equal(x[others], own[0.0])
    assert_array_equal(x[outside], start[outside])
    slope = gradient[weights] + 0.3 * x[weights].astype(np.float64)
    slope = np.concatenate([slope, gradient[others]])
    norm = slope_norm(x, gradient, penalty=0.3, layout=layout)
    assert_allclose(norm, np.linalg.norm(slope.astype(np.float64)), rtol=1e-6)


def test_the_same_bits_for_any_number_of_threads_and_at_every_level(optimizer, rng, monkeypatch):
    monkeypatch.setattr("fastmle.engine.MIN_PARALLEL_WORK", 0)
    n = 300_000
    start, gradient = rng.normal(size=(2, n)).astype(np.float32)
    layout = Layout(weights=[(1000, 200_000), (200_001, n)], others=[(0, 900)])
    found = []
    try:
        for level in kernels.available_levels():
            kernels.choose_level(level)
            for n_jobs in (1, 2, 3):
                x, own = start.copy(), fresh(optimizer)
                for _ in range(2):
                    own.update(x, gradient, 0.1, penalty=0.1, layout=layout, n_jobs=n_jobs)
                norm = slope_norm(x, gradient, penalty=0.1, layout=layout, n_jobs=n_jobs)
                found.append((x, norm))
    finally:
        kernels.choose_level(kernels.LEVEL)
    for x, norm in found[1:]:
        assert_array_equal(x, found[0][0])
        assert norm == found[0][1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_fades_becomes_zero_and_not_denormal(dtype):
    # Denormal numbers would stay, as 0.9 times the smallest of them rounds to itself.
    x, gradient = np.zeros(3, dtype=dtype), np.ones(3, dtype=dtype)
    ball, adam = Momentum(momentum=0.5), Adam(beta1=0.5, beta2=0.4)
    for optimizer in (ball, adam):
        optimizer.update(x, gradient, 1.0)
        for _ in range(1100):
            optimizer.update(x, np.zeros_like(x), 1.0)
    for array in (ball.state()["velocity"], adam.state()["first_moment"], adam.state()["second_moment"]):
        assert_array_equal(array, 0.0)
    assert np.isfinite(x).all()


@pytest.mark.parametrize("n_before", [0, 1, 7])
def test_a_restored_optimiser_takes_the_same_steps(optimizer, n_before, rng):
    gradients = rng.normal(size=(12, 9))
    x = rng.normal(size=9)
    for gradient in gradients[:n_before]:
        optimizer.update(x, gradient, 0.1)
    state, y = optimizer.state(), x.copy()
    for gradient in gradients[n_before:]:  # what comes after does not change the state
        optimizer.update(x, gradient, 0.1)
    other = fresh(optimizer)
    other.restore(state)
    for gradient in gradients[n_before:]:
        other.update(y, gradient, 0.1)
    assert_array_equal(x, y)
    assert other.n_steps == optimizer.n_steps == 12


def test_a_state_of_another_optimiser_is_refused():
    x = np.ones(3)
    ball, adam = Momentum(), Adam()
    ball.update(x, x.copy(), 0.1)
    adam.update(x, x.copy(), 0.1)
    kept = adam.state()
    with pytest.raises(
        ValueError, match=r"no state of Adam: it has n_steps, velocity, expected first_moment"
    ):
        adam.restore(ball.state())
    with pytest.raises(ValueError, match="no state of Momentum"):
        ball.restore({})
    for name, array in adam.state().items():
        assert_array_equal(array, kept[name])


def test_arrays_that_do_not_fit_are_refused():
    x, optimizer = np.zeros(4), Momentum()
    with pytest.raises(ValueError, match=r"gradient is float64 of shape \(3,\).*parameters are .* \(4,\)"):
        optimizer.update(x, np.zeros(3), 0.1)
    with pytest.raises(ValueError, match="gradient is float32"):
        optimizer.update(x, np.zeros(4, dtype=np.float32), 0.1)
    with pytest.raises(ValueError, match="one-dimensional array of float32 or float64, not int64"):
        optimizer.update(np.zeros(4, dtype=int), np.zeros(4), 0.1)
    with pytest.raises(ValueError, match="layout needs 5 entries, the parameters have 4"):
        optimizer.update(x, np.zeros(4), 0.1, layout=Layout([(2, 5)]))
    with pytest.raises(ValueError, match="layout needs 5"):
        slope_norm(x, x, layout=Layout([(2, 5)]))
    optimizer.update(x, np.ones(4), 0.1)
    with pytest.raises(ValueError, match=r"shape \(5,\), but velocity of Momentum is .* \(4,\)"):
        optimizer.update(np.zeros(5), np.zeros(5), 0.1)
    assert optimizer.n_steps == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(weight_decay=-1), "weight_decay must be a number >= 0, got -1"),
        (lambda: Momentum(momentum=1.0), "momentum must be a number >= 0 and less than 1, got 1.0"),
        (lambda: Momentum(momentum="high"), "momentum must be a number >= 0"),
        (lambda: Adam(beta1=1.5), "beta1 must be"),
        (lambda: Adam(beta2=np.nan), "beta2 must be"),
        (lambda: AdamW(epsilon=0), "epsilon must be a number > 0, got 0"),
        (lambda: AdamW(weight_decay=np.inf), "weight_decay must be"),
    ],
)
def test_settings_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_names_of_the_optimisers():
    assert {name: cls.__name__.lower() for name, cls in OPTIMIZERS.items()} == {n: n for n in OPTIMIZERS}
    assert set(OPTIMIZERS) == {"sgd", "momentum", "adam", "adamw"}


def test_norms_of_very_large_and_of_lost_slopes():
    x = np.zeros(20)
    huge = np.full(20, 1e200)
    assert_allclose(slope_norm(x, huge), 1e200 * np.sqrt(20))
    assert slope_norm(x, np.full(20, 1e308)) == np.inf
    assert slope_norm(x, x) == 0
    for place in (0, 7, 19):  # in the lanes and behind them
        for lost in (np.nan, np.inf, -np.inf):
            gradient = np.ones(20)
            gradient[place] = lost
            assert not np.isfinite(slope_norm(x, gradient))


def test_move_towards(rng):
    average, x = rng.normal(size=(2, 6))
    expected = 0.75 * average + 0.25 * x
    expected[5] = average[5]
    move_towards(average, x, 0.25, layout=Layout([(0, 3)], [(3, 5)]))
    assert_allclose(average, expected, rtol=1e-15)


class TestLayout:
    def test_every_parameter_is_in_one_part(self, rng):
        edges = np.sort(rng.choice(1_000_000, size=400, replace=False)).reshape(-1, 2)
        edges[-1] = 1_000_000, 1_400_000  # longer than a part
        weights, others = edges[::2], edges[1::2]
        layout = Layout(weights, others)
        kind = np.zeros(1_500_000, dtype=int)

        def mark(runs, are_weights):
            for start, stop in runs:
                kind[start:stop] += 1 if are_weights else 10
            return int(np.diff(runs).sum())

        sizes = layout.map(mark)
        expected = np.zeros_like(kind)
        for start, stop in weights:
            expected[start:stop] = 1
        for start, stop in others:
            expected[start:stop] = 10
        assert_array_equal(kind, expected)
        assert layout.size == sum(sizes) == np.count_nonzero(expected)
        assert layout.stop == edges.max()
        assert max(sizes) <= 2 * 2**17

    def test_lower_triangle(self):
        layout = Layout.lower_triangle(4, first=4)
        marked = np.zeros(20, dtype=int)

        def mark(runs, are_weights):
            for start, stop in runs:
                marked[start:stop] = 1 if are_weights else 2

        layout.map(mark)
        assert_array_equal(marked[:4], 2)
        assert_array_equal(marked[4:].reshape(4, 4), np.tril(np.ones((4, 4)), k=-1))

    def test_wrong_runs(self):
        with pytest.raises(ValueError, match="must not overlap; entry 4 is in two"):
            Layout([(0, 5)], [(4, 6)])
        with pytest.raises(ValueError, match=r"others must be pairs \(start, stop\)"):
            Layout([(0, 5)], [(8, 6)])
        with pytest.raises(ValueError, match="weights must be pairs"):
            Layout([(-1, 5)])
        assert Layout([(3, 3), (0, 2)]).stop == 2  # an empty run is none
