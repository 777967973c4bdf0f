"""The picture and the numbers of docs/monte_carlo.md: how fast the error of E[e^U] falls, by method.

    python tools/monte_carlo_figure.py [--samples N] [--output FILE]

prints the table of the guide and writes its picture. The expectation is e - 1; the factors that theory gives
follow from the variance of e^U, ``(e^2 - 1) / 2 - (e - 1)^2``.
"""

import argparse
import math
from pathlib import Path

from scipy import stats

from fastmle import expectation
from fastmle.plotting import MonteCarloDisplay, require_matplotlib

OUTPUT = Path(__file__).parents[1] / "docs" / "images" / "monte_carlo.png"
E = math.e
U = stats.uniform()
EXACT = E - 1
VARIANCE = (E**2 - 1) / 2 - EXACT**2
CONTROL = {"control": lambda x: x, "control_mean": 0.5}
POINTS = 64


def run(n_samples, **options):
    return expectation(math.exp, U, n_samples=n_samples, rng=0, **options)


def factors(n_samples):
    """Return rows of the table: name, factor of the variance in theory, and as measured at equal cost."""
    correlation = (E - EXACT**2) / VARIANCE  # of e^U and e^(1 - U)
    explained = ((3 - E) / 2) ** 2 / (VARIANCE / 12)  # the squared correlation of e^U and U
    within_strata = (E**2 - 1) / 24 / POINTS**2 / VARIANCE
    sets = {"n_replicates": max(2, n_samples // POINTS)}
    plain = run(n_samples)
    return [
        (name, theory, (run(n_samples, **options).standard_error / plain.standard_error) ** 2)
        for name, theory, options in (
            ("antithetic pairs", 1 + correlation, {"method": "antithetic"}),
            ("control variate U", 1 - explained, CONTROL),
            (f"sets of {POINTS} strata", within_strata, {"method": "stratified", **sets}),
            (f"sets of {POINTS} Sobol points", within_strata, {"method": "sobol", **sets}),
        )
    ]


def draw(n_samples, output):
    """Draw mean and error against the number of samples."""
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sizes = [2**m for m in range(5, n_samples.bit_length())]
    # A run of n samples and one of 2 n share the first n: the curves of independent samples are those of
    # one growing run.
    results = {
        "plain": [run(n) for n in sizes],
        "antithetic": [run(n, method="antithetic") for n in sizes],
        "control variate": [run(n, **CONTROL) for n in sizes],
        "stratified": [run(n, method="stratified") for n in sizes],
        "Sobol": [run(n, method="sobol") for n in sizes],
    }
    axes = Figure(figsize=(9, 3.8), layout="constrained").subplots(1, 2)
    with mpl.rc_context({"font.size": 9}):
        display = MonteCarloDisplay.from_results(results, exact=EXACT, ax=axes)
    axes[0].set_title("E[exp(U)]")
    axes[0].set_ylim(EXACT - 0.25, EXACT + 0.25)
    axes[1].set_ylim(1e-9, 0.3)
    display.figure_.savefig(output, dpi=90, metadata={"Software": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2**20, help="samples of every method")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the picture, a PNG file")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    print("| method | variance, in theory | measured |")
    print("|---|--:|--:|")
    for name, theory, measured in factors(options.samples):
        print(f"| {name} | {theory:.2g} | {measured:.2g} |")
    draw(options.samples, options.output)


if __name__ == "__main__":
    main()
