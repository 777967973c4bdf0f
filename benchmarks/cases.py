"""The problems of the suite, at full and at toy size."""

import os
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from epoch_problems import Epoch
from expectation_problems import (
    CircleExpectation,
    CorrelatedExpectation,
    CubeExpectation,
    FirstExpectation,
    ModelExpectation,
    NormalExpectation,
)
from information_problems import DistinctRows, Divergence, MutualInformation, PairwiseDivergence
from network_problems import NetworkGradient, NetworkSample
from problems import Fit, Gram, Pack, Sample, ScoreSamples, ValueAndGradient

PUBLISHED = ("plants", "dna", "baudio", "pumsb_star")

_FULL = (
    (ValueAndGradient, 20000, 784, 0.13),
    (ValueAndGradient, 20000, 784, 0.5),
    (ValueAndGradient, 100000, 128, 0.22),
    (ValueAndGradient, 500000, 16, 0.33),
    (ValueAndGradient, 6000, 1500, 0.01),
    (ValueAndGradient, 256, 784, 0.13),
    (ScoreSamples, 20000, 784, 0.13),
    (Sample, 10000, 784, 0.13),
    (Pack, 100000, 784, 0.13),
    (Gram, 50000, 784, 0.13),
    (Fit, 10000, 50, 0.3),
    (Fit, 5000, 150, 0.1),
)
_TOY = (
    (ValueAndGradient, 300, 20, 0.3),
    (ValueAndGradient, 200, 100, 0.02),
    (ScoreSamples, 300, 20, 0.2),
    (Sample, 2000, 12, 0.3),
    (Pack, 500, 20, 0.2),
    (Gram, 500, 20, 0.2),
    (Fit, 500, 8, 0.3),
)
# Multiples of 2048 where a peer wants as many samples in each of 2^10 cells.
_FULL_EXPECTATIONS = (
    (NormalExpectation, 20_000_000),
    (CircleExpectation, 50_000_000),
    (CubeExpectation, 2**22),
    (CorrelatedExpectation, 2_000_000),
    (ModelExpectation, 200_000, 64),
    (NormalExpectation, 1000),
    (FirstExpectation, 1000),
)
_TOY_EXPECTATIONS = (
    (NormalExpectation, 20_000),
    (CircleExpectation, 20_000),
    (CubeExpectation, 2**14),
    (CorrelatedExpectation, 20_000),
    (ModelExpectation, 2000, 12),
    (FirstExpectation, 1000),
)
_FULL_INFORMATION = (
    (Divergence, 1, 20_000_000),
    (Divergence, 100_000, 64),
    (Divergence, 1, 10),
    (PairwiseDivergence, 2000, 256),
    (MutualInformation, 50_000, 784),
    (DistinctRows, 10_000_000, 64, 10_000_000),
    (DistinctRows, 10_000_000, 64, 10_000),
)
_TOY_INFORMATION = (
    (Divergence, 1, 100_000),
    (Divergence, 2000, 40),
    (Divergence, 1, 10),
    (PairwiseDivergence, 30, 20),
    (MutualInformation, 500, 20),
    (DistinctRows, 5000, 64, 3000),
)
_FULL_STOCHASTIC = (
    (Epoch, 50_000, 784, 0.13, 256),
    (NetworkGradient, 256, 784, 500, 0.13),
    (NetworkSample, 1000, 784, 500, 0.13),
)
_TOY_STOCHASTIC = (
    (Epoch, 600, 20, 0.3, 50),
    (NetworkGradient, 40, 35, 10, 0.2),
    (NetworkSample, 2000, 20, 10, 0.3),
)
_TITLES = {
    ValueAndGradient: "value + gradient",
    ScoreSamples: "score_samples",
    Sample: "sample",
    Pack: "pack",
    Gram: "Gram",
    Fit: "fit",
}


def make_problem(kind, n_samples, n_features, density):
    title = f"{_TITLES[kind]} {n_samples} x {n_features}"
    return kind(f"{title}, density {density:g}", n_samples, n_features, density)


def problems(toy=False, patterns=()):
    """Return the problems whose names contain one of the patterns (* and ? as in file names)."""
    found = [make_problem(*shape) for shape in (_TOY if toy else _FULL)]
    others = (
        (_TOY_EXPECTATIONS, _TOY_INFORMATION, _TOY_STOCHASTIC)
        if toy
        else (_FULL_EXPECTATIONS, _FULL_INFORMATION, _FULL_STOCHASTIC)
    )
    found += [kind(*shape) for shapes in others for kind, *shape in shapes]
    if not toy:
        found += [
            Fit(f"fit {name} {X.shape[0]} x {X.shape[1]}", *X.shape, X.mean(), X) for name, X in _load()
        ]
        found += _on_images()
    return [
        problem
        for problem in found
        if not patterns or any(fnmatch(problem.name.lower(), f"*{pattern.lower()}*") for pattern in patterns)
    ]


def _load():
    for name in PUBLISHED:
        X = load_table(name)
        if X is not None:
            yield name, X


def _on_images(name="binarized_mnist"):
    """Return problems whose bits come in runs, where the data set is there."""
    X = load_table(name)
    if X is None:
        return []
    few = X[:256]
    return [
        Epoch(*X.shape, X.mean(), 256, X, f"{name} "),
        NetworkGradient(*few.shape, 500, few.mean(), few, f"{name} "),
    ]


def load_table(name):
    """Return the training rows of a published data set, or None where FASTMLE_DATA has none of it.

    A file has the keys train (rows packed by ``numpy.packbits(axis=1, bitorder="little")``) and
    n_features.
    """
    path = Path(os.environ.get("FASTMLE_DATA", "no-such-folder")) / f"{name}.npz"
    if not path.exists():
        return None
    with np.load(path) as archive:
        return np.unpackbits(archive["train"], axis=1, count=int(archive["n_features"]), bitorder="little")
