"""Fit NADE to published data sets, and compare its test log-likelihoods with those of the literature.

``FASTMLE_DATA=... python benchmarks/published.py`` prints a table; names of data sets restrict it. The
settings of a set are tried in turn, and the one that does best on the validation rows counts. With
``--checkpoints FOLDER`` every fit writes its state there after each epoch, and goes on from it when the
command is run again.
"""

import argparse
import itertools
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np

from fastmle import NADE, BitMatrix


class Published(NamedTuple):
    """A data set: what is tried on it, and what others have reached."""

    log_likelihood: float  # nats a test row, Larochelle & Murray 2011 and Germain et al. 2015
    settings: dict  # of NADE; lists are tried one by one


SETS = {
    "dna_nade_split": Published(
        -84.81, {"n_hidden": 200, "alpha": [0.3, 1.0, 3.0], "learning_rate": 0.002, "max_epochs": 60}
    ),
    "mushrooms": Published(
        -9.81, {"n_hidden": 200, "alpha": [0.1, 0.3, 1.0], "learning_rate": 0.005, "max_epochs": 100}
    ),
    "nips": Published(
        -273.08, {"n_hidden": 200, "alpha": [0.3, 1.0, 3.0], "learning_rate": 0.002, "max_epochs": 40}
    ),
    "adult": Published(
        -13.19, {"n_hidden": 200, "alpha": [0.1, 0.3, 1.0], "learning_rate": 0.002, "max_epochs": 60}
    ),
    "binarized_mnist": Published(
        -88.33,
        {
            "n_hidden": 500,
            "alpha": [1.0, 3.0],
            "learning_rate": 0.001,
            "batch_size": 128,
            "max_epochs": 50,
        },
    ),
}


def load(name, folder):
    """Return the rows of the three splits of a data set, packed."""
    with np.load(folder / f"{name}.npz") as archive:
        n_features = int(archive["n_features"])
        return [
            BitMatrix.from_packed(archive[split], n_features, bitorder="little")
            for split in ("train", "valid", "test")
        ]


def fit(name, settings, splits, options):
    """Return the model that does best on the validation rows, what was tried for it, and the seconds."""
    train, valid, _ = splits
    varied = [key for key, value in settings.items() if isinstance(value, list)]
    best, seconds = None, 0.0
    for values in itertools.product(*(settings[key] for key in varied)):
        own = dict(zip(varied, values, strict=True))
        model = NADE(**settings | own, random_state=0, n_jobs=options.threads, verbose=options.verbose)
        if options.epochs:
            model.set_params(max_epochs=options.epochs)
        if options.checkpoints:
            options.checkpoints.mkdir(parents=True, exist_ok=True)
            tried = "-".join(f"{key}-{value:g}" for key, value in own.items())
            model.set_params(checkpoint=options.checkpoints / f"{name}-{tried}.safetensors")
        began = time.perf_counter()
        model.fit(train, X_val=valid)
        seconds += max(time.perf_counter() - began, model.seconds_curve_[-1])
        score = model.score(valid)
        print(
            f"{name} {own}: validation {score:.3f}, best epoch {model.best_epoch_} of {model.n_iter_}",
            file=sys.stderr,
        )
        if best is None or score > best[0]:
            best = score, model, own
    return best[1], best[2], seconds


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(SETS)}; default all")
    parser.add_argument("--checkpoints", type=Path, help="folder for the states of the fits")
    parser.add_argument("--threads", type=int, default=joblib.effective_n_jobs(-1), help="default all cores")
    parser.add_argument("--epochs", type=int, help="largest number of epochs, instead of each set's own")
    parser.add_argument("--verbose", action="count", default=0, help="tell of every epoch")
    options = parser.parse_args()
    if unknown := set(options.names) - set(SETS):
        parser.error(f"unknown {', '.join(sorted(unknown))}; choose from {', '.join(SETS)}")
    if "FASTMLE_DATA" not in os.environ:
        parser.error("set FASTMLE_DATA to the folder of the data sets (form: tests/test_datasets.py)")
    print("| data set | published NADE | this fit | ± | chosen by validation | epochs | seconds, all tried |")
    print("|---|--:|--:|--:|---|--:|--:|")
    for name in options.names or SETS:
        splits = load(name, Path(os.environ["FASTMLE_DATA"]))
        published, settings = SETS[name]
        model, chosen, seconds = fit(name, settings, splits, options)
        scores = model.score_samples(splits[2])
        error = scores.std(ddof=1) / np.sqrt(len(scores))
        shown = ", ".join(f"{key}={value:g}" for key, value in chosen.items())
        numbers = f"{published:.2f} | {scores.mean():.2f} | {error:.2f}"
        print(f"| {name} | {numbers} | {shown} | {model.best_epoch_} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
