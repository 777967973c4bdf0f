"""The benchmarks at toy size: they run, their answers are right, and the report is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
# Of all kinds, and quick to start.
PEERS = ("fastmle", "NumPy", "newton-cholesky")


def run(*arguments, cwd):
    # The scripts import one another, from the folder that they stand in.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    environment["FASTMLE_BENCHMARKS"] = "toy"
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_suite(tmp_path):
    pytest.importorskip("pytest_benchmark")
    done = run(
        "-m",
        "pytest",
        BENCHMARKS,
        "-p",
        "no:cacheprovider",
        "-k",
        " or ".join((*PEERS, "refused")),
        "--benchmark-columns=median,rounds",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_report(tmp_path):
    pytest.importorskip("matplotlib")
    done = run(
        BENCHMARKS / "report.py",
        "--toy",
        "--rounds=1",
        "--curves=0.5",
        f"--output={tmp_path}",
        "--peers",
        *PEERS,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    titles = "value + gradient", "score_samples", "sample", "pack", "Gram", "fit", "expectation", "Growth"
    for title in (*titles, "FVSBN epoch", "NADE value + gradient", "NADE sample"):
        assert title in report
    assert "**wrong**" not in report
    assert {path.name for path in tmp_path.glob("*.png")} == {"ratios.png", "growth.png", "solvers.png"}


def test_readme_table(tmp_path):
    done = run(
        BENCHMARKS / "report.py", "--toy", "--rounds=1", "--readme", "gram", "--peers", *PEERS, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    header, _, line = done.stdout.splitlines()
    assert header.startswith("| problem | fastmle |")
    assert line.startswith("| Gram 500 x 20")
    assert not list(tmp_path.iterdir())
