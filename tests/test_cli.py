"""The command line gives the numbers of the Python API, and one line and an exit code for every error."""

import contextlib
import errno
import json
import os
import shlex
import subprocess
import sys

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import fastmle
import fastmle.__main__
import fastmle._console
import fastmle.files
from fastmle import FVSBN, NADE, BernoulliMLE, cli, load
from fastmle.files import read_table, write_table

COMMANDS = cli.fastmle.commands


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    first = rng.random((300, 1)) < 0.5
    return np.hstack([first, rng.random((300, 7)) < 0.2 + 0.5 * first]).astype(np.uint8)


@pytest.fixture
def data(rows):
    np.save("train.npy", rows[:200])
    np.save("test.npy", rows[200:])
    return rows[:200], rows[200:]


@pytest.fixture
def model(data):
    model = FVSBN().fit(data[0])
    model.save("model.fastmle")
    return model


def run(*arguments):
    """Run a command line; anything but the errors that a user can cause is raised."""
    return CliRunner().invoke(cli.fastmle, [str(part) for part in arguments], catch_exceptions=False)


def run_json(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def fails(*arguments):
    """Return the one line on standard error of a command that must fail and leave no file behind."""
    before = {path: os.stat(path).st_mtime_ns for path in os.listdir()}
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("fastmle: error: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert {path: os.stat(path).st_mtime_ns for path in os.listdir()} == before
    return result.stderr


def check_score(record, model, rows):
    """Compare the numbers of a score with those of the Python API."""
    scores = model.score_samples(rows)
    assert record["rows"] == len(rows)
    assert record["mean_log_likelihood"] == pytest.approx(model.score(rows), rel=1e-12)
    assert record["standard_error"] == pytest.approx(scores.std(ddof=1) / len(rows) ** 0.5, rel=1e-12)
    assert record["bits_per_dimension"] == pytest.approx(model.bits_per_dim(rows), rel=1e-12)
    assert record["zero_probability_rows"] == 0


# fit


def test_fit_is_the_fit_of_the_api(data):
    train, test = data
    record = run_json("fit", "train.npy", "--test", "test.npy", "-o", "m")
    expected = FVSBN().fit(train)
    saved = load("m")
    np.testing.assert_array_equal(saved.coef_, expected.coef_)
    np.testing.assert_array_equal(saved.intercept_, expected.intercept_)
    check_score(record["train"], expected, train)
    check_score(record["test"], expected, test)
    assert (record["model"], record["rows"], record["columns"]) == ("FVSBN", 200, 8)
    assert (record["iterations"], record["converged"]) == (expected.n_iter_, True)
    assert record["output"] == "m"
    assert 0 < record["fit_seconds"] < 60


def test_fit_options_reach_the_estimator(data):
    options = "--alpha 3 --smoothing 0.25 --order random --seed 5 --max-iter 77 --tol 1e-4 --n-jobs 2"
    run_json("fit", "train.npy", "-o", "m", *shlex.split(options))
    expected = FVSBN(
        alpha=3.0, smoothing=0.25, order="random", random_state=5, max_iter=77, tol=1e-4, n_jobs=2
    )
    saved = load("m")
    assert saved.get_params() == expected.get_params()
    np.testing.assert_array_equal(saved.coef_, expected.fit(data[0]).coef_)


def test_fit_defaults_are_those_of_the_estimators(data):
    run_json("fit", "train.npy", "-o", "m")
    assert load("m").get_params() == FVSBN(n_jobs=-1).get_params()
    run_json("fit", "train.npy", "-o", "m", "--model", "bernoulli")
    assert load("m").get_params() == BernoulliMLE(n_jobs=-1).get_params()


def test_fit_bernoulli(data):
    record = run_json("fit", "train.npy", "-o", "m", "--model", "bernoulli", "--smoothing", "2")
    expected = BernoulliMLE(smoothing=2.0).fit(data[0])
    np.testing.assert_array_equal(load("m").theta_, expected.theta_)
    check_score(record["train"], expected, data[0])
    assert record["iterations"] is record["converged"] is record["test"] is None


def test_fit_nade(data):
    options = "--hidden 5 --epochs 3 --alpha 0.5 --dropout 0.1 --learning-rate 0.01 --order random --seed 1"
    record = run_json("fit", "train.npy", "-o", "m", "--model", "nade", *options.split())
    expected = NADE(
        5,
        max_epochs=3,
        alpha=0.5,
        dropout=0.1,
        learning_rate=0.01,
        order="random",
        random_state=1,
        n_jobs=-1,
    )
    saved = load("m")
    assert saved.get_params() == expected.get_params()
    np.testing.assert_array_equal(saved.output_weights_, expected.fit(data[0]).output_weights_)
    assert (record["model"], record["iterations"]) == ("NADE", 3)
    check_score(record["train"], expected, data[0])


def test_fit_goes_on_from_a_checkpoint(data):
    command = ("fit", "train.npy", "--model", "nade", "--hidden", "5", "--seed", "1")
    run_json(*command, "--epochs", "4", "-o", "whole")
    run_json(*command, "--epochs", "2", "--checkpoint", "state", "-o", "half")
    run_json(*command, "--epochs", "4", "--checkpoint", "state", "-o", "resumed")
    whole, resumed = load("whole"), load("resumed")
    np.testing.assert_array_equal(whole.output_weights_, resumed.output_weights_)
    assert whole.score(data[0]) == resumed.score(data[0]) != load("half").score(data[0])


def test_binarize_is_kept_by_the_model(rows):
    values = np.random.default_rng(1).random(rows.shape) * 5
    np.save("values.npy", values)
    record = run_json("fit", "values.npy", "-o", "m", "--binarize", "2.5")
    expected = FVSBN(binarize=2.5).fit(values)
    check_score(record["train"], expected, values)
    check_score(run_json("score", "m", "values.npy"), expected, values)


def test_fit_table(data):
    result = run("fit", "train.npy", "--test", "test.npy", "-o", "m")
    expected = FVSBN().fit(data[0])
    assert result.stderr == ""  # no progress bar, for it is no terminal
    assert max(map(len, result.stdout.splitlines())) <= 80
    shown = {line[:30].strip(): line[30:].strip() for line in result.stdout.splitlines()}
    assert shown["model"] == "FVSBN"
    assert shown["columns"] == "8"
    assert shown["training rows"] == "200"
    assert shown["mean training log-likelihood"] == f"{expected.score(data[0]):.4f} nats per row"
    assert shown["mean test log-likelihood"] == f"{expected.score(data[1]):.4f} nats per row"
    assert shown["test bits per dimension"] == f"{expected.bits_per_dim(data[1]):.4f}"
    assert shown["iterations"] == str(expected.n_iter_)
    assert shown["converged"] == "yes"
    assert shown["written to"] == "m"


@pytest.mark.parametrize("ending", [".npz", ".csv", ".csv.gz", ".parquet"])
def test_fit_other_files(data, ending):
    names = [f"item {j}" for j in range(8)]
    write_table(f"named{ending}", data[0], names)
    record = run_json("fit", f"named{ending}", "-o", "m")
    check_score(record["train"], FVSBN().fit(data[0]), data[0])
    assert list(load("m").feature_names_in_) == names


def test_keys_of_a_packed_archive(data):
    packed = [np.packbits(rows, axis=1, bitorder="little") for rows in data]
    np.savez("both.npz", train=packed[0], test=packed[1], n_features=8)
    expected = FVSBN().fit(data[0])
    record = run_json("fit", "both.npz", "--test", "both.npz", "-o", "m")
    check_score(record["train"], expected, data[0])
    check_score(record["test"], expected, data[1])
    record = run_json(
        "fit", "both.npz", "--key", "test", "--test", "both.npz", "--test-key", "train", "-o", "m"
    )
    assert (record["train"]["rows"], record["test"]["rows"]) == (100, 200)
    check_score(run_json("score", "m", "both.npz", "--key", "train"), load("m"), data[0])
    # Scoring must not take the training rows for granted.
    assert "choose one by its key: train, test" in fails("score", "m", "both.npz")
    assert "no array 'valid'; its arrays are: train, test" in fails(
        "score", "m", "both.npz", "--key", "valid"
    )


# score


def test_score(model, data):
    record = run_json("score", "model.fastmle", "test.npy")
    check_score(record, model, data[1])
    assert (record["model"], record["columns"], record["samples"]) == ("FVSBN", 8, None)
    result = run("score", "model.fastmle", "test.npy")
    assert f"{model.score(data[1]):.4f} nats per row" in result.stdout
    assert "standard error" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("ending", [".npy", ".csv", ".parquet"])
def test_score_samples(model, data, ending):
    record = run_json("score", "model.fastmle", "test.npy", "--samples", f"scores{ending}")
    assert record["samples"] == f"scores{ending}"
    table = np.load("scores.npy") if ending == ".npy" else read_table(f"scores{ending}")["log_likelihood"]
    np.testing.assert_array_equal(np.asarray(table), model.score_samples(data[1]))


def test_impossible_rows(rows):
    rows[:, 3] = 0
    np.save("train.npy", rows)
    rows[:2, 3] = 1
    np.save("test.npy", rows)
    record = run_json("fit", "train.npy", "--test", "test.npy", "--model", "bernoulli", "-o", "m")
    assert record["test"]["mean_log_likelihood"] is record["test"]["standard_error"] is None
    assert record["test"]["zero_probability_rows"] == 2
    result = run("score", "m", "test.npy")
    assert "-inf nats per row" in result.stdout
    assert ["rows", "of", "probability", "0", "2"] in [line.split() for line in result.stdout.splitlines()]


def test_one_row_has_no_standard_error(model, data):
    np.save("one.npy", data[1][:1])
    record = run_json("score", "model.fastmle", "one.npy")
    assert record["standard_error"] is None
    assert record["mean_log_likelihood"] == pytest.approx(model.score(data[1][:1]), rel=1e-12)


# sample


@pytest.mark.parametrize("ending", [".npy", ".npz", ".csv", ".csv.gz", ".parquet"])
def test_sample(model, ending):
    result = run("sample", "model.fastmle", "-n", 40, "-o", f"drawn{ending}", "--seed", 3, "--n-jobs", 2)
    assert result.exit_code == 0
    np.testing.assert_array_equal(read_table(f"drawn{ending}"), model.sample(40, random_state=3))


def test_sample_json(model):
    record = run_json("sample", "model.fastmle", "-n", 40, "-o", "drawn.npy")
    assert record == {"model": "FVSBN", "rows": 40, "columns": 8, "output": "drawn.npy"}
    assert np.load("drawn.npy").shape == (40, 8)


def test_sample_without_seed_differs(model):
    for name in ("first.npy", "second.npy"):
        run("sample", "model.fastmle", "-n", 100, "-o", name)
    assert not np.array_equal(np.load("first.npy"), np.load("second.npy"))


def test_sample_keeps_feature_names(data):
    frame = pd.DataFrame(data[0], columns=list("abcdefgh"))
    FVSBN().fit(frame).save("named.fastmle")
    for ending in (".npz", ".csv", ".parquet"):
        run("sample", "named.fastmle", "-n", 5, "-o", f"drawn{ending}", "--seed", 0)
        assert read_table(f"drawn{ending}").column_names == list("abcdefgh")
        result = run("score", "named.fastmle", f"drawn{ending}")
        assert result.stderr == ""  # the names agree
    assert pd.read_csv("drawn.csv").columns.tolist() == list("abcdefgh")


# demo


def test_demo(folder):
    record = run_json("demo", "-o", "picture.svg")
    baseline, network = record["models"]
    assert (record["train_rows"], record["columns"]) == (1347, 64)
    assert (baseline["model"], network["model"]) == ("BernoulliMLE", "FVSBN")
    assert baseline["iterations"] is None
    assert network["converged"] is True
    for entry in (baseline, network):
        assert entry["test"]["rows"] == 450
        assert 0 < entry["test"]["standard_error"] < 1
    # Far more than the standard errors apart.
    assert baseline["test"]["mean_log_likelihood"] < -24
    assert -20 < network["test"]["mean_log_likelihood"] < -17
    picture = (folder / "picture.svg").read_text()
    assert picture.startswith("<?xml")
    result = run("demo")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert f"{network['test']['mean_log_likelihood']:.4f}" in result.stdout
    assert f"{network['test']['standard_error']:.4f}" in result.stdout
    assert (folder / "fastmle-demo.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir()) == ["fastmle-demo.png", "picture.svg"]
    assert result.stderr == ""


def test_demo_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert 'pip install "fastmle[plot]"' in fails("demo")


def test_demo_picture_endings():
    assert "its name must end in one of" in fails("demo", "-o", "picture.xyz")
    assert "its name must end in one of" in fails("demo", "-o", "picture")
    assert "no folder" in fails("demo", "-o", "no/picture.png")


# config


def test_config_is_that_of_the_api(capsys):
    assert run_json("config") == fastmle.show_config(mode="dict")
    fastmle.show_config()
    assert run("config").stdout == capsys.readouterr().out


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nosuch", "No such command 'nosuch'. (see 'fastmle --help')"),
        ("--nosuch", "No such option"),
        ("fit", "Missing argument 'DATA'"),
        ("fit train.npy", "Missing option '-o' / '--output'. (see 'fastmle fit --help')"),
        ("fit train.npy -o", "requires an argument"),
        ("fit train.npy -o m --alpha -1", "'--alpha': -1.0 is not in the range"),
        ("fit train.npy -o m --alpha x", "'--alpha': 'x' is not a valid float"),
        ("fit train.npy -o m --alpha nan", "'alpha' parameter of FVSBN must be a float in the range"),
        ("fit train.npy -o m --smoothing -1", "'--smoothing': -1.0 is not in the range"),
        ("fit train.npy -o m --tol 0", "'--tol': 0.0 is not in the range"),
        ("fit train.npy -o m --max-iter 0", "'--max-iter': 0 is not in the range"),
        ("fit train.npy -o m --n-jobs 0", "n_jobs must not be 0"),
        ("fit train.npy -o m --seed -1", "'--seed': -1 is not in the range"),
        ("fit train.npy -o m --model gauss", "'gauss' is not one of 'fvsbn', 'nade', 'bernoulli'"),
        ("fit train.npy -o m --order best", "'best' is not one of 'natural', 'random'"),
        ("fit train.npy -o m --hidden 3", "fvsbn has no --hidden"),
        ("fit train.npy -o m --model nade --tol 1", "nade has no --tol"),
        ("fit train.npy -o m --model nade --checkpoint c", "--checkpoint needs --seed"),
        ("fit train.npy -o m --model nade --checkpoint m --seed 0", "m is the output"),
        ("fit train.npy -o m --model nade --checkpoint train.npy --seed 0", "train.npy is to be read"),
        ("fit train.npy -o m --model nade --checkpoint no/c --seed 0", "there is no folder"),
        ("fit train.npy -o m --model nade --hidden 2 --learning-rate 1e30", "the fit diverged in epoch"),
        (
            "fit train.npy -o m --model bernoulli --alpha 1 --max-iter 3",
            "bernoulli has no --alpha, --max-iter",
        ),
        ("fit train.npy -o m --test-key X", "--test-key needs --test"),
        ("fit train.npy -o m --key X", "leave out the key"),
        ("fit train.npy -o m --test wide.npy", "train.npy has 8 columns, but wide.npy has 9"),
        ("fit named.csv -o m --test renamed.csv", "the columns of renamed.csv must have the names"),
        ("fit no.npy -o m", "no.npy: No such file or directory"),
        ("fit rows.txt -o m", "must end in .npy, .npz, .csv, .csv.gz, .parquet"),
        ("fit damaged.npz -o m", "cannot read damaged.npz"),
        ("fit folder.npy -o m", "folder.npy"),
        ("fit two.npy -o m", "two.npy: X[1, 0] is 2: every value must be 0 or 1"),
        ("fit two.npy -o m", "give --binarize THRESHOLD"),
        ("fit named-two.csv -o m", "named-two.csv: X[0, 1] (column 'b') is 2"),
        ("fit empty.npy -o m", "empty.npy: Found array with 0 sample(s)"),
        ("fit train.npy -o no/m", "there is no folder"),
        ("fit train.npy -o folder.npy", "it is a folder"),
        ("fit train.npy -o train.npy", "it cannot be the output as well"),
        ("score no.fastmle test.npy", "no.fastmle: No such file or directory"),
        ("score train.npy test.npy", "train.npy is no fastmle model file"),
        ("score damaged.fastmle test.npy", "damaged.fastmle is no fastmle model file, or it is damaged"),
        ("score folder.npy test.npy", "folder.npy: Is a directory"),
        ("score model.fastmle wide.npy", "X has 9 features, but FVSBN is expecting 8"),
        ("score model.fastmle two.npy", "fit the model with --binarize THRESHOLD"),
        ("score named.fastmle renamed.csv", "feature names should match those that were passed during fit"),
        ("score model.fastmle test.npy --samples s.txt", "must end in .npy"),
        ("score model.fastmle test.npy --samples no/s.npy", "there is no folder"),
        ("score model.fastmle test.npy --samples test.npy", "it cannot be the output as well"),
        ("sample model.fastmle -o m.npy", "Missing option '-n'"),
        ("sample model.fastmle -n 0 -o m.npy", "'-n': 0 is not in the range x>=1"),
        ("sample model.fastmle -n 3 -o m.txt", "must end in .npy"),
        ("sample model.fastmle -n 3 -o no/m.npy", "there is no folder"),
        ("sample model.fastmle -n 1000000000000000 -o m.npy", "not enough memory"),
    ],
)
def test_errors_are_one_line(model, data, folder, arguments, message):
    train, test = data
    np.save("wide.npy", np.hstack([test, test[:, :1]]))
    np.save("two.npy", [[0, 1], [2, 0]])
    np.save("empty.npy", np.zeros((0, 3)))
    write_table("named-two.csv", [[0, 2], [2, 0]], ["a", "b"])
    write_table("named.csv", train, list("abcdefgh"))
    write_table("renamed.csv", test, list("hgfedcba"))
    FVSBN().fit(read_table("named.csv")).save("named.fastmle")
    (folder / "damaged.npz").write_bytes(b"PK\x03\x04 no archive")
    content = (folder / "model.fastmle").read_bytes()
    (folder / "damaged.fastmle").write_bytes(content[:-50])
    (folder / "folder.npy").mkdir()
    assert message in fails(*shlex.split(arguments))


def test_without_pyarrow(model, monkeypatch, folder):
    (folder / "rows.csv").write_text("0,1\n")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert 'pip install "fastmle[arrow]"' in fails("fit", "rows.csv", "-o", "m")
    assert 'pip install "fastmle[arrow]"' in fails("sample", "model.fastmle", "-n", 2, "-o", "m.csv")


def test_full_disk_keeps_the_old_file(model, monkeypatch, folder):
    (folder / "drawn.npy").write_bytes(b"old")

    def fill_the_disk(file, array, feature_names):
        file.write(b"half of")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(fastmle.files._WRITERS, ".npy", fill_the_disk)
    line = fails("sample", "model.fastmle", "-n", 2, "-o", "drawn.npy")
    assert line == "fastmle: error: drawn.npy: No space left on device\n"
    assert (folder / "drawn.npy").read_bytes() == b"old"


def test_out_of_memory(model, data, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(FVSBN, "score_samples", fail)
    assert "not enough memory" in fails("score", "model.fastmle", "test.npy")


def test_interrupt(data, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(FVSBN, "fit", interrupt)
    before = os.listdir()
    result = run("fit", "train.npy", "-o", "m")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "fastmle: interrupted\n")
    assert os.listdir() == before


def test_defects_of_the_library_are_not_hidden(data, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(FVSBN, "fit", fail)
    with pytest.raises(ZeroDivisionError):
        run("fit", "train.npy", "-o", "m")


# Warnings


def test_warnings_are_one_line_each(data):
    result = run("fit", "train.npy", "-o", "m", "--max-iter", 1)
    assert result.exit_code == 0
    assert result.stderr.startswith("fastmle: warning: FVSBN did not converge in ")
    assert result.stderr.count("\n") == 1
    assert load("m").converged_ is False
    constant = data[0].copy()
    constant[:, 2] = 1
    np.save("constant.npy", constant)
    result = run("fit", "constant.npy", "-o", "m", "--smoothing", 0, "--json")
    assert result.stderr.startswith("fastmle: warning: The maximum likelihood estimate lies at infinity")
    assert result.stderr.count("\n") == 1
    json.loads(result.stdout)


# Help


def test_version_and_help():
    assert run("--version").output == f"fastmle {fastmle.__version__}\n"
    for arguments in ((), ("--help",), ("-h",)):
        result = run(*arguments)
        assert result.exit_code == 0
        for name in COMMANDS:
            assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_every_option(name):
    text = run(name, "--help").stdout
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help
            for option in parameter.opts:
                assert f"{option} " in text
    assert "Examples:" in text


@pytest.mark.parametrize("command", [cli.fastmle, *COMMANDS.values()], ids=lambda command: command.name)
def test_examples_of_the_help_are_command_lines(command):
    examples = [line.split() for line in command.help.splitlines() if line.strip().startswith("fastmle ")]
    assert examples
    for _, name, *arguments in examples:
        COMMANDS[name].make_context(name, arguments)  # raises a UsageError where they do not fit


# The real thing


def environment(**extra):
    return {**os.environ, "PYTHONWARNINGS": "default", "TERM": "xterm", **extra}


def test_subprocess(model, data):
    command = [sys.executable, "-m", "fastmle", "score", "model.fastmle", "test.npy", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    check_score(json.loads(done.stdout), model, data[1])
    assert done.stderr == ""


def test_subprocess_error():
    command = [sys.executable, "-m", "fastmle", "fit", "no.npy", "-o", "m"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "fastmle: error: no.npy: No such file or directory\n"


def test_progress_bar_on_a_terminal_only(data):
    pty = pytest.importorskip("pty")
    shown, terminal = pty.openpty()
    command = [sys.executable, "-m", "fastmle", "fit", "train.npy", "-o", "m", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=environment()) as process:
        os.close(terminal)
        bar = b""
        with contextlib.suppress(OSError):  # the terminal is gone
            while part := os.read(shown, 65536):
                bar += part
        record = json.loads(process.stdout.read())
    os.close(shown)
    assert process.returncode == 0
    assert record["converged"] is True
    assert b"fitting FVSBN" in bar
    assert b"of at most 1000" in bar


def test_progress_counts_every_pass(data, monkeypatch):
    class Spy(fastmle._console.FitProgress):
        def teardown(self, estimator, context):
            if self._progress is not None:
                counted.append(self._progress.tasks[0].completed)
            super().teardown(estimator, context)

    counted = []
    model = FVSBN().set_callbacks(Spy()).fit(data[0])
    assert counted == [model.n_iter_]


@pytest.mark.parametrize("name", ["click", "rich"])
def test_without_click_or_rich(monkeypatch, capsys, name):
    for module in ("fastmle.cli", "fastmle._console"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr(fastmle, "cli")
    for module in [loaded for loaded in sys.modules if loaded.partition(".")[0] == name]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as caught:
        fastmle.__main__.main()
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert 'pip install "fastmle[cli]"' in shown.err
