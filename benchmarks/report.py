"""Compare this library with its peers on this machine: ``python benchmarks/report.py``.

Writes ``report.md`` and its pictures. With ``--print`` it prints what it measures and writes nothing.
"""

import argparse
import sys
from pathlib import Path

import joblib
import scaling
from cases import problems
from measure import measure, measure_roofline
from peers import load_peers
from tables import curves_table, details, growth_table, machine, summary

_HOW = """\
Everyone has {threads} threads, and has the data in the form that it likes best before the clock starts. All
peers of a problem take turns, {rounds} rounds of it (fewer where one takes long), and the medians are
given, with half the distance of the quartiles, and the least; before each turn everyone waits until the idle
threads of the one before have gone to sleep. *ratio* is the time relative to fastmle.

*of roofline* compares with what the machine reaches on dense data: the operations a second that products of
the whole matrices take, against a measured float32 product (tables, sparsity and the triangle save work, so
this may pass 1); for packing the bytes read and written, against a measured copy.

*errors* are those of the answer against float64 NumPy: of the value relative to it, of the gradient of a
column relative to its largest entry, of scores relative to each row's; of a fit, the largest gap of a
column's objective above the optimum, relative: every solver runs with the loosest power of ten as its
tolerance that brings this gap below 1e-6. A sample is tested against the model's own conditionals, in
standard errors. BernoulliRBM is another model, for orientation only.

Expectations are measured in standard errors too, from the exact mean, by the exact variance. The standard
error that fastmle computes beside its mean, and no peer does, has a relative error. The first call of a
process is timed in a new process each round, after its imports, Numba's own among them."""


def _arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("patterns", nargs="*", help="problems whose names contain one of these; default all")
    parser.add_argument("--peers", nargs="+", default=[], help="peers whose names contain one of these")
    parser.add_argument("--toy", action="store_true", help="small problems")
    parser.add_argument("--threads", type=int, default=joblib.effective_n_jobs(-1), help="default all cores")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each peer; default 5")
    parser.add_argument("--print", action="store_true", help="only print the tables of the problems")
    parser.add_argument("--readme", action="store_true", help="only print the table for the README")
    parser.add_argument("--growth", action="store_true", help="with --print: also growth, and threads")
    parser.add_argument(
        "--curves",
        type=float,
        metavar="SECONDS",
        default=0.0,
        help="also objective against time, each solver for so long; on binarized MNIST, try 300",
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder of the report")
    return parser.parse_args()


def _select_peers(parts):
    peers, missing = load_peers()
    for file, reason in missing.items():
        print(f"without {file}: {reason}", file=sys.stderr)
    return [peer for peer in peers if not parts or any(part.lower() in peer.name.lower() for part in parts)]


def _measure_growth(peers, options):
    for grow in (scaling.growth_in_rows, scaling.growth_in_columns, scaling.growth_in_threads):
        yield grow(peers, options.threads, options.rounds, options.toy)


def main():
    options = _arguments()
    quiet = options.readme
    peers = _select_peers(options.peers)

    def tell(text):
        if not quiet:
            print(text, flush=True)

    roofline = measure_roofline(options.threads)
    about = machine(options.threads, roofline)
    tell("\n".join(about))

    measured, parts = [], []
    for problem in problems(options.toy, options.patterns):
        results = measure(problem, peers, options.threads, options.rounds)
        if results:
            measured.append((problem, results))
            parts.append(f"### {problem.name}\n\n{details(problem, results, roofline)}")
            tell("\n" + parts[-1])
    if options.readme:
        print(summary(measured))
    else:
        _finish(options, peers, about, measured, parts, tell)
    return int(any(result.wrong for _, results in measured for result in results))


def _finish(options, peers, about, measured, parts, tell):
    """Measure growth and solvers, as far as wanted, and write the report unless it is only printed."""
    growths, solvers = [], None
    if options.growth or not options.print:
        for growth in _measure_growth(peers, options):
            growths.append(growth)
            tell(f"\n{growth.title}\n\n{growth_table(growth)}")
    if options.curves:
        solvers = scaling.solver_curves(peers, options.threads, options.curves, options.toy)
        tell(f"\n{solvers.title}; {solvers.caveat}\n\n{curves_table(solvers)}")
    if not options.print:
        _write(options, about, measured, parts, growths, solvers)


def _write(options, about, measured, parts, growths, solvers):
    from plots import plot_curves, plot_growth, plot_ratios

    options.output.mkdir(parents=True, exist_ok=True)
    plot_ratios(measured, options.output / "ratios.png")
    plot_growth(growths, options.output / "growth.png")
    sections = [
        "# fastmle and its peers",
        "\n".join(f"* {line}" for line in about),
        summary(measured),
        "![Ratios](ratios.png)",
        "## How it was measured",
        _HOW.format(threads=options.threads, rounds=options.rounds),
        "## Growth",
        *(f"{growth.title}:\n\n{growth_table(growth)}" for growth in growths),
        "![Growth](growth.png)",
    ]
    if solvers is not None:
        plot_curves(solvers, options.output / "solvers.png")
        sections += [
            "## Objective against time",
            f"{solvers.title}. Full-batch solvers; PyTorch's use the quicker of its gradients. The gap is "
            f"the one above the least objective known; {solvers.caveat}.",
            curves_table(solvers),
            "![Objective against time](solvers.png)",
        ]
    sections += ["## All problems", *parts]
    path = options.output / "report.md"
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    print(f"\nwrote {path}")


if __name__ == "__main__":
    sys.exit(main())
