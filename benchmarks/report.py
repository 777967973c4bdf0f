"""Compare this library with its peers on this machine: ``python benchmarks/report.py --help``."""

import argparse
import sys

import joblib
from cases import problems
from measure import measure, measure_roofline
from peers import load_peers


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", help="problems whose names contain one of these; default all")
    parser.add_argument("--peers", nargs="+", default=[], help="peers whose names contain one of these")
    parser.add_argument("--toy", action="store_true", help="small problems")
    parser.add_argument("--threads", type=int, default=joblib.effective_n_jobs(-1), help="default all cores")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def seconds_text(seconds):
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def print_results(problem, results, roofline):
    print(f"\n{problem.name}")
    print(f"  {'':28} {'median':>9} {'+-':>5} {'rounds':>6} {'ratio':>7} {'roofline':>8}  errors")
    for result in results:
        share = roofline.share(problem, result.median)
        errors = ", ".join(f"{name} {error:.1e}" for name, error in result.errors.items())
        print(
            f"  {result.peer:28} {seconds_text(result.median):>9} {result.spread:5.0%} "
            f"{len(result.seconds):6} {result.median / results[0].median:7.2f} "
            f"{'' if share is None else format(share, '.2f'):>8}  {errors}"
            + (f"  WRONG: {result.wrong}" if result.wrong else ""),
            flush=True,
        )


def main():
    options = _arguments()
    peers, missing = load_peers()
    peers = [
        peer
        for peer in peers
        if not options.peers or any(part.lower() in peer.name.lower() for part in options.peers)
    ]
    for file, reason in missing.items():
        print(f"without {file}: {reason}")
    roofline = measure_roofline(options.threads)
    print(f"float32 product {roofline.flops / 1e9:.0f} Gflop/s, copy {roofline.n_bytes / 1e9:.1f} GB/s")
    wrong = False
    for problem in problems(options.toy, options.patterns):
        results = measure(problem, peers, options.threads, options.rounds)
        print_results(problem, results, roofline)
        wrong |= any(result.wrong for result in results)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
