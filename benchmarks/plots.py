"""Pictures of what was measured."""

import matplotlib.pyplot as plt
import numpy as np
from peers import load_peers
from tables import fastest_peer

_BESIDE = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5), "frameon": False, "fontsize": "small"}


def _make_colors():
    """Give every peer one colour in all pictures; this library black."""
    names = [peer.name for peer in load_peers()[0] if peer.name != "fastmle"]
    palette = plt.get_cmap("tab20").colors
    return {"fastmle": "black"} | {name: palette[k % len(palette)] for k, name in enumerate(names)}


_COLORS = _make_colors()


def _save(figure, path):
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


def plot_ratios(measured, path):
    """Draw a line a problem and a dot a peer: how many times longer it takes."""
    measured = [(problem, results) for problem, results in measured if fastest_peer(results) is not None]
    names = dict.fromkeys(r.peer for _, results in measured for r in results if r.errors)
    figure, ax = plt.subplots(figsize=(9, 0.42 * len(measured) + 1.5))
    for name in names:
        places = [
            (result.median / results[0].median, row)
            for row, (_, results) in enumerate(measured)
            for result in results
            if result.peer == name
        ]
        ax.scatter(*zip(*places, strict=True), color=_COLORS[name], label=name, zorder=3, s=36)
    ax.set_xscale("log")
    ax.set_yticks(range(len(measured)), [problem.name for problem, _ in measured])
    ax.invert_yaxis()
    ax.set_xlabel("time, relative to fastmle (more is slower)")
    ax.grid(alpha=0.3)
    ax.legend(**_BESIDE)
    _save(figure, path)


def plot_growth(growths, path):
    """Draw times along rows and columns, and how well threads are used."""
    figure, axes = plt.subplots(1, len(growths), figsize=(5 * len(growths), 4), squeeze=False)
    for ax, growth in zip(axes[0], growths, strict=True):
        for name, times in growth.seconds.items():
            places, seconds = np.array(list(times.items())).T
            heights = seconds[0] / seconds if growth.axis == "threads" else seconds
            ax.plot(places, heights, "o-", ms=3, color=_COLORS[name], label=name)
        if growth.axis == "threads":
            ax.plot(places, places, ":", color="grey")
            ax.set_ylabel("speed, relative to one thread")
        else:
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.set_ylabel("seconds")
        ax.set_xlabel(growth.axis)
        ax.set_title(growth.title, fontsize="medium")
        ax.grid(alpha=0.3)
    lines = {line.get_label(): line for ax in axes[0] for line in ax.get_lines()}
    lines = {name: line for name, line in lines.items() if name in _COLORS}
    figure.tight_layout()
    axes[0, -1].legend(lines.values(), lines, **_BESIDE)
    _save(figure, path)


def plot_curves(solvers, path):
    """Draw the gap above the least objective against seconds."""
    figure, ax = plt.subplots(figsize=(7, 4.5))
    for name, (seconds, gaps) in solvers.curves.items():
        ax.plot(seconds, np.maximum(gaps, 1e-9), color=_COLORS[name], label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("seconds")
    ax.set_ylabel("objective, relative gap above the least known")
    ax.set_title(solvers.title, fontsize="medium")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize="small")
    _save(figure, path)
