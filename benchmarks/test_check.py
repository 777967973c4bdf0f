"""The check of answers: it is strict where it must be."""

import itertools

import numpy as np
from cases import make_problem
from expectation_problems import CircleExpectation, CubeExpectation, ModelExpectation
from measure import check
from peers import Peer, SinglePrecision
from problems import Gram, Sample, ScoreSamples, ValueAndGradient, random_table
from scipy.special import log_expit


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
