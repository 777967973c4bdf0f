"""Learning-rate schedules against PyTorch's and against their formulas."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fastmle.solvers import Constant, Cosine, InverseSquareRoot, Step, WarmUp, make_schedule

N_STEPS = 60


def of_torch(make):
    """Return the rates that a scheduler of PyTorch gives to an optimiser of rate 1."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its schedules cannot be compared")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    for _ in range(N_STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (Constant(), lambda all_of, own: all_of.ConstantLR(own, factor=1.0)),
        (Step(7, factor=0.3), lambda all_of, own: all_of.StepLR(own, 7, gamma=0.3)),
        (Step(7), lambda all_of, own: all_of.StepLR(own, 7)),
        (Cosine(N_STEPS), lambda all_of, own: all_of.CosineAnnealingLR(own, N_STEPS)),
        (Cosine(N_STEPS, final=0.2), lambda all_of, own: all_of.CosineAnnealingLR(own, N_STEPS, eta_min=0.2)),
        (
            WarmUp(8),
            lambda all_of, own: all_of.LinearLR(own, start_factor=1 / 8, total_iters=7),
        ),
    ],
    ids=repr,
)
def test_pytorch_agrees(schedule, make):
    assert_allclose([schedule(step) for step in range(N_STEPS)], of_torch(make), rtol=1e-12, atol=1e-15)


def test_inverse_square_root():
    steps = np.arange(100)
    assert_allclose([InverseSquareRoot(25)(step) for step in steps], np.sqrt(25 / (25 + steps)), rtol=1e-15)


def test_a_cosine_stays_at_its_end():
    schedule = Cosine(5, final=0.25)
    assert [schedule(step) for step in (5, 6, 1000)] == [0.25] * 3


def test_warm_up_comes_before_any_schedule():
    for after in (Constant(), Step(3), Cosine(4), InverseSquareRoot(2), lambda step: 1 / (1 + step)):
        schedule = WarmUp(5, after)
        assert_allclose([schedule(step) for step in range(5)], np.arange(1, 6) / 5)
        assert [schedule(step) for step in range(5, 15)] == [after(step) for step in range(10)]


def test_schedules_by_name():
    assert make_schedule("constant") == make_schedule("constant", length=5) == Constant()
    assert make_schedule("step", length=5) == Step(5)
    assert make_schedule("cosine", length=5) == Cosine(5)
    assert make_schedule("inverse_sqrt") == InverseSquareRoot(1)
    assert make_schedule("inverse_sqrt", length=9, warm_up=3) == WarmUp(3, InverseSquareRoot(9))
    own = lambda step: 0.5  # noqa: E731
    assert make_schedule(own) is own
    assert make_schedule(own, warm_up=2)(2) == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_schedule("cosine"), "the schedule Cosine needs a length, in steps"),
        (lambda: Step(), "the schedule Step needs a length"),
        (lambda: WarmUp(), "the schedule WarmUp needs a length"),
        (lambda: Cosine(0), "length of the schedule Cosine must be an integer of at least 1, got 0"),
        (lambda: Step(2.5), "length of the schedule Step must be an integer of at least 1, got 2.5"),
        (lambda: InverseSquareRoot(True), "length of the schedule InverseSquareRoot .* got True"),
        (lambda: Step(5, factor=1.0), "factor of the schedule Step must be a number > 0 and less than 1"),
        (lambda: Cosine(5, final=-0.1), "final factor of the schedule Cosine must be a number >= 0"),
        (lambda: WarmUp(5, after="cosine"), "after must be a schedule.* got 'cosine'"),
        (lambda: make_schedule("linear"), "must be one of constant, inverse_sqrt, step, cosine .* 'linear'"),
        (lambda: make_schedule("step", length=5, warm_up=-1), "warm_up must be an integer of at least 0"),
    ],
)
def test_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()
