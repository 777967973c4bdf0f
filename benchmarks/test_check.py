"""The check of answers: it is strict where it must be."""

import itertools

import numpy as np
from cases import make_problem
from epoch_problems import Epoch, descend
from expectation_problems import CircleExpectation, CubeExpectation, ModelExpectation
from measure import check
from network_problems import NetworkGradient, NetworkSample, network_likelihood
from peers import Peer, SinglePrecision
from problems import Gram, Sample, ScoreSamples, ValueAndGradient, random_table
from scipy.special import expit, log_expit


def test_wrong_values_and_gradients_are_refused():
    problem = make_problem(ValueAndGradient, 50, 5, 0.3)
    value, grad_coef, grad_intercept = problem.answer
    assert not check(problem, Peer(), (value, grad_coef, grad_intercept))[1]
    assert "value" in check(problem, Peer(), (value * (1 + 3e-6), grad_coef, grad_intercept))[1]
    assert not check(problem, SinglePrecision(), (value * (1 + 3e-6), grad_coef, grad_intercept))[1]
    assert "gradient" in check(problem, Peer(), (value, grad_coef * (1 + 3e-5), grad_intercept))[1]


def test_wrong_scores_and_counts_are_refused():
    scores = make_problem(ScoreSamples, 50, 5, 0.3)
    assert not check(scores, Peer(), scores.answer)[1]
    assert "score" in check(scores, Peer(), scores.answer * float("nan"))[1]
    gram = make_problem(Gram, 50, 5, 0.3)
    assert "counts" in check(gram, SinglePrecision(), gram.answer + 1)[1]


def test_samples_of_another_model_are_refused():
    problem = make_problem(Sample, 5000, 10, 0.3)
    assert "standard errors" in check(problem, Peer(), random_table(5000, 10, 0.3))[1]


def test_wrong_means_and_standard_errors_are_refused():
    problem = CircleExpectation(10_000)
    right = (problem.variance / problem.n_samples) ** 0.5
    assert not check(problem, Peer(), (problem.mean + 4.9 * right, 1.04 * right))[1]
    assert "standard errors is off" in check(problem, Peer(), (problem.mean + 5.1 * right, None))[1]
    assert "own standard error" in check(problem, Peer(), (problem.mean, 1.06 * right))[1]
    assert "standard errors" in check(problem, Peer(), (float("nan"), None))[1]


def test_exact_means_are_those_of_enumeration_and_quadrature():
    model = ModelExpectation(1, 9)
    rows = np.array(list(itertools.product((0, 1), repeat=9)))
    p = np.exp(log_expit(np.where(rows == 1, 1, -1) * (rows @ model.coef.T + model.intercept)).sum(axis=1))
    wanted = (rows[:, 3] == 1) & (rows[:, 7] == 0)
    assert np.isclose(p @ wanted, model.mean)
    cube = CubeExpectation(1)
    grid = (np.arange(10**5) + 0.5) / 10**5
    for moment, right in ((1, cube.mean), (2, cube.variance + cube.mean**2)):
        assert np.isclose(np.exp(-moment * cube.rate * (grid - 0.5) ** 2).mean() ** 10, right)


def test_wrong_gradients_of_networks_are_refused():
    problem = NetworkGradient(30, 12, 7, 0.3)
    value, (output, bias, weights, hidden) = problem.answer
    for part, wrong in enumerate((output, bias, weights, hidden)):
        gradient = [output, bias, weights, hidden]
        assert not check(problem, Peer(), (value, gradient))[1]
        gradient[part] = wrong * (1 + 1e-4)
        assert "gradient" in check(problem, Peer(), (value, gradient))[1]
        gradient[part] = wrong * float("nan")
        assert "gradient" in check(problem, SinglePrecision(), (value, gradient))[1]
    assert "value" in check(problem, Peer(), (value * (1 + 3e-6), (output, bias, weights, hidden)))[1]


def test_gradients_of_networks_are_those_of_differences():
    problem = NetworkGradient(30, 6, 4, 0.3)
    value, gradient = problem.answer
    states = np.array(list(itertools.product((0, 1), repeat=6)))
    rows = [network_likelihood(row[None], problem.network)[0] for row in states]
    assert np.isclose(np.exp(rows).sum(), 1)
    for part, right in enumerate(gradient):
        for place in np.ndindex(right.shape):
            sides = []
            for step in (1e-5, -1e-5):
                network = [own.copy() for own in problem.network]
                network[part][place] += step
                sides.append(network_likelihood(problem.X, network)[0])
            assert np.isclose((sides[0] - sides[1]) / 2e-5, right[place], rtol=1e-6, atol=1e-6 * abs(value))


def test_samples_of_another_network_are_refused():
    problem = NetworkSample(20_000, 12, 8, 0.3)
    assert "standard errors" in check(problem, Peer(), random_table(20_000, 12, 0.3))[1]
    # Right but for the last bit, of which the hidden units have not heard.
    output, bias, weights, hidden = problem.network
    drawn, rng = np.zeros((20_000, 12), dtype=np.uint8), np.random.default_rng(0)
    for right in (True, False):
        for i in range(12):
            heard = drawn[:, : i if right else max(0, i - 1)]
            sums = hidden + heard @ weights[: heard.shape[1]]
            drawn[:, i] = rng.random(20_000) < expit(expit(sums) @ output[i] + bias[i])
        assert bool(check(problem, Peer(), drawn)[1]) != right


def test_part_of_an_epoch_is_refused():
    problem = Epoch(600, 20, 0.3, 50)
    assert not check(problem, Peer(), descend(problem, seed=1))[1]
    assert "behind" in check(problem, Peer(), descend(problem, n_steps=10))[1]
    assert "behind" in check(problem, Peer(), (np.zeros((20, 20)), problem.start))[1]
    coef, intercept = descend(problem)
    assert "behind" in check(problem, Peer(), (-coef, intercept))[1]
    assert "behind" in check(problem, Peer(), (coef * float("nan"), intercept))[1]
