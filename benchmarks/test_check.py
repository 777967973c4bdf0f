"""The check of answers: it is strict where it must be."""

from cases import make_problem
from measure import check
from peers import Peer, SinglePrecision
from problems import Gram, Sample, ScoreSamples, ValueAndGradient, random_table


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
