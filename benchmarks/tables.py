"""Text: the machine, and Markdown tables of what was measured."""

import os
import platform
from importlib import metadata
from pathlib import Path

import fastmle

_PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch", "jax", "vegas")
# Gaps of the table of solver curves.
_GAPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)


def seconds_text(seconds):
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def ratio_text(ratio):
    return f"{ratio:.0f}" if ratio >= 20 else f"{ratio:.1f}" if ratio >= 2 else f"{ratio:.2f}"


def markdown(header, rows):
    """Return a table whose first column is text, the others numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|--:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine(threads, roofline):
    """Describe the machine and the software, one line each."""
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    return [
        f"{_cpu()}, {os.cpu_count()} cores, {_memory()}; {threads} threads for everyone; "
        f"load before the run {_load()}",
        f"measured: float32 product of matrices {roofline.flops / 1e9:.0f} Gflop/s, "
        f"copy {roofline.n_bytes / 1e9:.0f} GB/s (read and written)",
        f"{platform.system()}, Python {platform.python_version()}, fastmle {fastmle.__version__} "
        f"(instruction set {fastmle.kernels.LEVEL}), {', '.join(versions)}",
    ]


def _cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    # The lines of the first core come last, and win.
    fields = dict(tuple(map(str.strip, line.split(":", 1))) for line in reversed(lines) if ":" in line)
    name = fields.get("model name", platform.machine())
    family = f" (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else ""
    return name + family


def _memory():
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", ()):
        return "memory unknown"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"


def _load():
    """Return what others ask of the machine: medians of a busy one say little."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def fastest_peer(results):
    """Return the fastest of the results that are neither this library nor another model, or None."""
    others = [r for r in results if not r.peer.startswith("fastmle") and r.errors]
    return min(others, key=lambda result: result.median, default=None)


def summary(measured):
    """Return the table for the README: a line a problem."""
    rows = []
    for problem, results in measured:
        ours, best = results[0], fastest_peer(results)
        if best is not None:
            ratio = ratio_text(best.median / ours.median)
            times = [seconds_text(result.median) for result in (ours, best)]
            rows.append([problem.name, times[0], f"{ratio} x", best.peer, times[1]])
    return markdown(["problem", "fastmle", "faster by", "than", "which takes"], rows)


def details(problem, results, roofline):
    """Return the table of one problem: a line a peer."""
    rows = []
    for result in results:
        share = roofline.share(problem, result.median)
        rows.append(
            [
                result.peer,
                seconds_text(result.median),
                f"{result.spread:.0%}",
                seconds_text(min(result.seconds)),
                str(len(result.seconds)),
                ratio_text(result.median / results[0].median),
                "" if share is None else f"{share:.2f}",
                ", ".join(f"{name} {error:.1e}" for name, error in result.errors.items())
                + (f"; **wrong**: {result.wrong}" if result.wrong else ""),
            ]
        )
    return markdown(["peer", "median", "±", "least", "rounds", "ratio", "of roofline", "errors"], rows)


def growth_table(growth):
    """Return a line a place; for threads with how well they are used."""
    names = list(growth.seconds)
    places = list(growth.seconds[names[0]])

    def cell(name, place):
        seconds = growth.seconds[name].get(place)
        if seconds is None:
            return ""
        if growth.axis == "threads":
            return f"{seconds_text(seconds)} ({growth.seconds[name][places[0]] / seconds / place:.0%})"
        return f"{seconds_text(seconds)} ({seconds / place * 1e6:.3g} µs)"

    each = "efficiency" if growth.axis == "threads" else f"a {growth.axis.removesuffix('s')}"
    header = [f"{growth.axis} ({each} in brackets)", *names]
    return markdown(header, [[f"{place:,}", *(cell(name, place) for name in names)] for place in places])


def curves_table(solvers):
    """Return the seconds to gaps above the least objective, a line a solver."""
    rows = []
    for name in solvers.curves:
        times = [solvers.seconds_to(name, gap) for gap in _GAPS]
        rows.append([name, *("" if s is None else f"{s:.3g}" for s in times)])
    return markdown(["seconds to a relative gap of", *(f"{gap:g}" for gap in _GAPS)], rows)
