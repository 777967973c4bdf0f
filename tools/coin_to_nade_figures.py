"""The pictures of docs/from_coin_to_nade.md: trajectories, training curves and the noise of gradients.

    python tools/coin_to_nade_figures.py [--rows N] [--epochs N] [--output FOLDER]

writes ``trajectories.png``, ``training_curves.png`` and ``gradient_noise.png``, and prints the table of the
guide.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.special import expit, log_expit, logit

from fastmle import FVSBN, NADE, BernoulliMLE, BitMatrix, fvsbn_value_and_gradient
from fastmle.data import Minibatches
from fastmle.plotting import GradientNoiseDisplay, TrainingCurveDisplay, require_matplotlib
from fastmle.solvers import SGD, StochasticDescent, gradient_descent

OUTPUT = Path(__file__).parents[1] / "docs" / "images"
N_PATTERNS, N_COLUMNS, FLIPPED = 6, 24, 0.08


def patterns(n_rows, rng):
    """Return noisy copies of a few patterns of 24 bits, as in the guide."""
    shapes = rng.random((N_PATTERNS, N_COLUMNS)) < 0.5
    return shapes[rng.integers(N_PATTERNS, size=n_rows)] ^ (rng.random((n_rows, N_COLUMNS)) < FLIPPED)


def two_columns(n_rows, rng):
    """Return rows of two bits: the second is mostly the first."""
    first = rng.random(n_rows) < 0.4
    second = rng.random(n_rows) < np.where(first, 0.85, 0.25)
    return BitMatrix.from_array(np.column_stack([first, second]))


# Trajectories


def of_fvsbn(batch, point):
    """Return the log-likelihood of the second column and its gradient in intercept and weight, summed."""
    coef, intercept = np.array([[0.0, 0.0], [point[1], 0.0]]), np.array([0.0, point[0]])
    value, grad_coef, grad_intercept = fvsbn_value_and_gradient(batch, coef, intercept)
    first_column = len(batch) * np.log(0.5)
    return value - first_column, np.array([grad_intercept[1], grad_coef[1, 0]])


def of_nade(batch, point):
    """Return the same of a NADE with one hidden unit: b + v sigmoid(w x) is the logit."""
    b, v, w = point
    x, y = batch.to_array().T.astype(float)
    hidden = expit(w * x)
    logits = b + v * hidden
    residual = y - expit(logits)
    slopes = residual, residual * hidden, residual * v * hidden * (1 - hidden) * x
    return np.sum(y * logits + log_expit(-logits)), np.array([slope.sum() for slope in slopes])


def descend(value_and_gradient, start, bits, batch_size, learning_rate, n_epochs, seed=0):
    """Return all iterates of stochastic gradient descent, and their average."""
    batches = Minibatches(bits, batch_size, random_state=seed)
    descent = StochasticDescent(
        *(value_and_gradient, np.array(start, dtype=float), SGD()),
        learning_rate=learning_rate,
        average_from=0,
        average_power=8.0,
    )
    path = [descent.parameters.copy()]
    for epoch in range(n_epochs):
        for batch in batches(epoch):
            descent.step([batch])
            path.append(descent.parameters.copy())
    return np.array(path), descent.average


def draw_valley(ax, bits):
    """Draw ways to the optimum of two parameters."""

    def mean(point):
        value, gradient = of_fvsbn(bits, point)
        return -value / len(bits), -gradient / len(bits)

    path = [np.zeros(2)]
    found = gradient_descent(mean, path[0], callback=lambda x, *_: path.append(x.copy()))
    single, average = descend(of_fvsbn, [0, 0], bits, 1, 0.15, 1)
    small, _ = descend(of_fvsbn, [0, 0], bits, 32, 1.0, 4)
    intercepts, weights = np.linspace(-1.9, 0.4, 120), np.linspace(-0.5, 3.9, 120)
    surface = [[mean(np.array([b, w]))[0] for b in intercepts] for w in weights]
    above = np.array(surface) - found.value
    ax.contour(intercepts, weights, above, levels=np.geomspace(0.001, 0.3, 10), colors="0.8", linewidths=0.8)
    ax.plot(*single.T, linewidth=0.4, alpha=0.8, label="1 row a step, one epoch")
    ax.plot(*small.T, linewidth=0.9, label="32 rows a step, four epochs")
    ax.plot(
        *np.array(path).T, marker=".", color="black", linewidth=1, label=f"all rows, {found.n_iter} steps"
    )
    ax.plot(
        *average, marker="D", linestyle="none", color="tab:red", label="average of the single rows' iterates"
    )
    ax.plot(*found.x, marker="*", markersize=11, linestyle="none", color="black", label="optimum")
    ax.set(xlim=(-1.9, 0.4), ylim=(-0.5, 3.9), xlabel="Intercept", ylabel="Weight", title="FVSBN: one valley")
    ax.legend(fontsize=7, loc="lower left")


def draw_saddle(ax, bits):
    """Draw how noise leaves the saddle at zero weights, and the full gradient does not."""
    x, y = bits.to_array().T.astype(float)
    counts = [[np.sum((x == i) & (y == j)) / len(x) for j in (0, 1)] for i in (0, 1)]

    def profile(v, w):
        """Return the objective where the intercept is at its best, by Newton steps."""
        shifts = [0.5 * v, v * expit(w)]
        b = np.zeros_like(v)
        for _ in range(30):
            p = [expit(b + shift) for shift in shifts]
            slope = sum(p_i * sum(c) - c[1] for p_i, c in zip(p, counts, strict=True))
            curvature = sum(p_i * (1 - p_i) * sum(c) for p_i, c in zip(p, counts, strict=True))
            b = b - np.clip(slope / np.maximum(curvature, 1e-9), -1, 1)
        return -sum(
            c[0] * log_expit(-b - shift) + c[1] * log_expit(b + shift)
            for shift, c in zip(shifts, counts, strict=True)
        )

    grid = np.linspace(-5.5, 5.5, 160)
    surface = profile(*np.meshgrid(grid, grid))
    levels = surface.min() + np.geomspace(0.002, surface.max() - surface.min(), 14)
    ax.contour(grid, grid, surface, levels=levels, colors="0.8", linewidths=0.8)
    start = [logit(y.mean()), 0.0, 0.0]
    for seed in (2, 3):
        path, _ = descend(of_nade, start, bits, 8, 0.2, 20, seed)
        ax.plot(path[:, 1], path[:, 2], linewidth=0.6, label=f"8 rows a step, seed {seed}")
    beside = [start[0] + 1.0, -2.0, 1.9]
    path, _ = descend(of_nade, beside, bits, len(bits), 0.5, 2000)
    ax.plot(
        *path[::50, 1:].T,
        ".-",
        markersize=3,
        linewidth=0.8,
        color="black",
        label="all rows, a dot for 50 steps",
    )
    path, _ = descend(of_nade, start, bits, len(bits), 0.5, 200)
    ax.plot(*path[:, 1:].T, "D", markersize=5, color="tab:red", label="all rows from the saddle, 200 steps")
    ax.set(xlabel="Output weight v", ylabel="Input weight w", title="NADE: two valleys and a saddle")
    ax.legend(fontsize=7, loc="lower right")


# Fits


def fit_all(train, held_out, n_epochs):
    """Return the models of the guide's table."""
    stochastic = {"random_state": 0, "max_epochs": n_epochs}
    return {
        "FVSBN, batch": FVSBN().fit(train),
        "FVSBN, adamw": FVSBN(solver="adamw", **stochastic).fit(train, X_val=held_out),
        "NADE": NADE(n_hidden=32, alpha=0.1, learning_rate=0.01, **stochastic).fit(train, X_val=held_out),
    }


def draw_curves(axes, models, held_out):
    for ax, x in zip(axes, ("epochs", "seconds"), strict=True):
        TrainingCurveDisplay.from_estimators(models, x=x, ax=ax, linewidth=1.2)
        ax.axhline(
            models["FVSBN, batch"].score(held_out), color="0.6", linewidth=0.8, label="optimum, validation"
        )
        ax.set_ylim(-11.4, -8.3)
        ax.legend(fontsize=7, loc="lower right")
        ax.grid(alpha=0.3)
    axes[1].set_xscale("log")
    axes[1].get_legend().remove()


def draw_noise(axes, model, train, held_out, n_epochs):
    """Draw the noise, and what it does to fits with steps along few and many rows."""
    GradientNoiseDisplay.from_estimator(model, train, random_state=0, ax=axes[0])
    rates = {1: 0.02, 16: 0.3, 256: 1.0}
    runs = {
        f"{rows} row{'s' if rows > 1 else ''}": FVSBN(
            solver="sgd",
            batch_size=rows,
            learning_rate=rate,
            average=False,
            random_state=0,
            max_epochs=n_epochs,
        ).fit(train, X_val=held_out)
        for rows, rate in rates.items()
    }
    TrainingCurveDisplay.from_estimators(runs, x="seconds", ax=axes[1], linewidth=1.2)
    axes[1].axhline(model.score(held_out), color="0.6", linewidth=0.8, label="optimum, validation")
    axes[1].set_xscale("log")
    axes[1].set_ylim(-11.4, -9.2)
    axes[1].grid(alpha=0.3)
    for ax in axes:
        ax.legend(fontsize=7, loc="lower left" if ax is axes[0] else "lower right")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=3000, help="training rows")
    parser.add_argument("--epochs", type=int, default=50, help="epochs of the stochastic fits")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder of the pictures")
    options = parser.parse_args()
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    options.output.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows = patterns(options.rows + 1000, rng)
    train, held_out = rows[: options.rows], rows[options.rows :]
    models = fit_all(train, held_out, options.epochs)
    print("| model | training rows | other rows |")
    print("|---|--:|--:|")
    for name, model in {"independent columns": BernoulliMLE().fit(train), **models}.items():
        print(f"| {name} | {model.score(train):.2f} | {model.score(held_out):.2f} |")
    bits = two_columns(1000, np.random.default_rng(1))
    pictures = {
        "trajectories": lambda axes: (draw_valley(axes[0], bits), draw_saddle(axes[1], bits)),
        "training_curves": lambda axes: draw_curves(axes, models, held_out),
        "gradient_noise": lambda axes: draw_noise(
            axes, models["FVSBN, batch"], train, held_out, min(20, options.epochs)
        ),
    }
    with mpl.rc_context({"font.size": 9}):
        for name, draw in pictures.items():
            figure = Figure(figsize=(9, 3.9), layout="constrained")
            draw(figure.subplots(1, 2))
            figure.savefig(options.output / f"{name}.png", dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
