"""The ``fastmle`` command: fit, score and draw from densities of tables in files."""

import os
import time

import click

from . import __version__
from ._console import (
    CommandGroup,
    ScoreSummary,
    describe_iterations,
    iterations_of,
    print_facts,
    print_json,
    print_table,
    watch_fit,
)
from ._model_options import make_model, model_options
from .config import show_config
from .data import BitMatrix
from .estimators import FVSBN, BernoulliMLE, load
from .files import read_table, table_ending, write_table
from .outputs import check_writable

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of a table."
)
_n_jobs_option = click.option(
    "--n-jobs",
    type=int,
    metavar="N",
    default=-1,
    help="Number of threads, -1 for all processors. Results do not change.",
)


def _key_option(default, name="--key", what="DATA is"):
    help = f"Which array of an .npz archive {what}."
    return click.option(name, metavar="NAME", help=help, show_default=default)


@click.group(
    cls=CommandGroup,
    invoke_without_command=True,
    context_settings={"show_default": True, "help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="fastmle", message="%(prog)s %(version)s")
@click.pass_context
def fastmle(ctx):
    """Exact-likelihood densities for tables of zeros and ones.

    Fit a density to the rows of a table, then score other rows (which are unusual? how many bits does
    a row cost?) or draw new ones.

    \b
    Examples:
      fastmle demo
      fastmle fit train.csv -o baskets.fastmle
      fastmle score baskets.fastmle test.csv --samples scores.csv
      fastmle sample baskets.fastmle -n 1000 -o drawn.csv --seed 0

    Errors are one line on standard error, with exit code 2; Ctrl-C exits with 130.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@fastmle.command()
@click.argument("data", type=click.Path())
@click.option(
    "-o", "--output", type=click.Path(), required=True, metavar="MODEL", help="Model file to write."
)
@model_options
@click.option(
    "--binarize",
    type=float,
    metavar="THRESHOLD",
    help="Turn values into bits: 1 where a value is greater. The model keeps the threshold.",
    show_default="demand zeros and ones",
)
@_n_jobs_option
@_key_option("X, train, or the only one")
@click.option("--test", type=click.Path(), metavar="DATA", help="Also score these held-out rows.")
@_key_option("test, X, or the only one", "--test-key", "the held-out rows are")
@_json_option
def fit(data, output, kind, binarize, n_jobs, key, test, test_key, as_json, **options):
    """Fit a density to the rows of DATA and write the model to a file.

    DATA is a .npy, .npz, .csv, .csv.gz or .parquet file with rows of zeros and ones. A first line of a
    .csv file that is not all numbers holds column names. An .npz archive with an entry n_features has
    rows packed by numpy.packbits(axis=1, bitorder="little"); without --key its array X or train is
    taken, or the only one.

    \b
    Examples:
      fastmle fit train.csv -o baskets.fastmle
      fastmle fit nltcs.npz --key train --test nltcs.npz -o nltcs.fastmle
      fastmle fit pixels.npy --binarize 127 --order random -o pixels.fastmle
      fastmle fit train.parquet --model bernoulli -o baseline.fastmle --json
      fastmle fit train.npz --model nade --seed 0 --checkpoint state.safetensors -o nade.fastmle

    Log-likelihoods are means in nats a row, with their standard error. In JSON a number that is not
    finite is null.
    """
    _check_output(output, data, test)
    checkpoint = options["checkpoint"]
    if checkpoint is not None:
        _check_output(checkpoint, data, test)
        if os.path.realpath(checkpoint) == os.path.realpath(output):
            raise click.UsageError(f"{output} is the output, it cannot be the checkpoint as well")
    if test_key is not None and test is None:
        raise click.UsageError("--test-key needs --test")
    model = make_model(kind, options).set_params(binarize=binarize, n_jobs=n_jobs)

    advice = "give --binarize THRESHOLD"
    train_rows = _read_rows(data, key, ("X", "train"), model, advice)
    test_rows = None
    if test is not None:
        test_rows = _read_rows(test, test_key, ("test", "X"), model, advice)
        _check_same_columns(data, train_rows, test, test_rows)
    seconds = _timed_fit(model, train_rows)
    train_score = _score(model, train_rows)
    test_score = None if test_rows is None else _score(model, test_rows)
    model.save(output)

    name = type(model).__name__
    if as_json:
        print_json(
            model=name,
            output=output,
            rows=train_score.rows,
            columns=model.n_features_in_,
            train=train_score,
            test=test_score,
            fit_seconds=seconds,
            **iterations_of(model),
        )
        return
    facts = {"model": name, "columns": str(model.n_features_in_), **train_score.facts("training ")}
    if test_score is not None:
        facts |= test_score.facts("test ")
    facts["fit seconds"] = f"{seconds:.3f}"
    facts["iterations"], facts["converged"] = describe_iterations(model)
    print_facts(facts | {"written to": output})


@fastmle.command()
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@_key_option("X, or the only one")
@click.option(
    "--samples",
    type=click.Path(),
    metavar="OUT",
    help="Also write the log-likelihood of each row, nats, to a table file.",
)
@_n_jobs_option
@_json_option
def score(model, data, key, samples, n_jobs, as_json):
    """Score the rows of DATA by the density in the file MODEL.

    Prints the mean log-likelihood in nats a row with its standard error, bits per dimension, and the
    number of rows. DATA is read as by "fastmle fit", with the threshold that the model was fitted with;
    where the model has column names, DATA must have the same in the same order.

    \b
    Examples:
      fastmle score baskets.fastmle test.csv
      fastmle score nltcs.fastmle nltcs.npz --key test --json
      fastmle score baskets.fastmle today.parquet --samples scores.csv

    OUT ends in .npy, .npz, .csv, .csv.gz or .parquet; its column is log_likelihood, the lowest being
    the most unusual rows. In JSON a number that is not finite is null.
    """
    if samples is not None:
        table_ending(samples)
        _check_output(samples, model, data)
    density = load(model)
    density.n_jobs = n_jobs
    rows = _read_rows(data, key, ("X",), density, "fit the model with --binarize THRESHOLD")
    scores = density.score_samples(rows)
    summary = ScoreSummary.from_scores(scores, density.n_features_in_)
    if samples is not None:
        write_table(samples, scores, ["log_likelihood"])
    name = type(density).__name__
    if as_json:
        print_json(model=name, columns=density.n_features_in_, **vars(summary), samples=samples)
        return
    facts = {"model": name, "columns": str(density.n_features_in_), **summary.facts()}
    print_facts(facts if samples is None else facts | {"written to": samples})


@fastmle.command()
@click.argument("model", type=click.Path())
@click.option(
    "-n", "n_samples", type=click.IntRange(min=1), required=True, metavar="N", help="Number of rows."
)
@click.option(
    "-o", "--output", type=click.Path(), required=True, metavar="OUT", help="Table file to write the rows to."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="The same seed draws the same rows, for any --n-jobs.",
    show_default="another one each time",
)
@_n_jobs_option
@_json_option
def sample(model, n_samples, output, seed, n_jobs, as_json):
    """Draw N rows from the density in the file MODEL.

    OUT ends in .npy, .npz (under the key X), .csv, .csv.gz or .parquet. Where the model has column
    names, the rows have them too, except in .npy files.

    \b
    Examples:
      fastmle sample baskets.fastmle -n 1000 -o drawn.csv
      fastmle sample digits.fastmle -n 100000 -o drawn.npz --seed 0
    """
    table_ending(output)
    _check_output(output, model)
    density = load(model)
    density.n_jobs = n_jobs
    rows = density.sample(n_samples, random_state=seed)
    write_table(output, rows, getattr(density, "feature_names_in_", None))
    name = type(density).__name__
    if as_json:
        print_json(model=name, rows=n_samples, columns=rows.shape[1], output=output)
    else:
        facts = {"model": name, "rows": n_samples, "columns": rows.shape[1], "written to": output}
        print_facts({what: str(fact) for what, fact in facts.items()})


@fastmle.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    default="fastmle-demo.png",
    metavar="PICTURE",
    help="Picture to write: .png, .pdf, .svg or whatever else matplotlib writes.",
)
@_json_option
def demo(output, as_json):
    """Fit handwritten digits, score held-out ones and draw new ones.

    The data come with scikit-learn: 1797 images of 8 x 8 pixels, black where a pixel is greater than 7,
    of which 1347 are for training and 450 for the test. Prints the mean test log-likelihood in nats with
    its standard error for independent columns (the baseline) and for the network, and writes a picture
    of real digits beside drawn ones, with the training curve.

    \b
    Examples:
      fastmle demo
      fastmle demo -o digits.pdf --json
    """
    from . import _demo

    _demo.check_picture(output)
    _check_output(output)
    train, test = _demo.load_digit_bits()
    records = []
    for model in (BernoulliMLE(smoothing=1.0, n_jobs=-1), FVSBN(alpha=1.0, n_jobs=-1)):
        seconds = _timed_fit(model, train)
        records.append((model, _score(model, test), seconds))
    _demo.write_picture(output, model, test)
    if as_json:
        models = [
            {
                "model": type(model).__name__,
                "test": test_score,
                "fit_seconds": seconds,
                **iterations_of(model),
            }
            for model, test_score, seconds in records
        ]
        print_json(train_rows=len(train), columns=train.shape[1], models=models, output=output)
        return
    headings = (
        "model",
        "mean test\nlog-likelihood\n(nats per row)",
        "standard\nerror",
        "bits per\ndimension",
        "fit\nseconds",
        "iterations",
        "converged",
    )
    print_table(
        headings,
        [
            (
                type(model).__name__,
                f"{test_score.mean_log_likelihood:.4f}",
                f"{test_score.standard_error:.4f}",
                f"{test_score.bits_per_dimension:.4f}",
                f"{seconds:.3f}",
                *describe_iterations(model),
            )
            for model, test_score, seconds in records
        ],
    )
    click.echo(f"written to {output}")


@fastmle.command()
@_json_option
def config(as_json):
    """Print versions, instruction set, threads and caches: what a bug report should include.

    FASTMLE_LEVEL in the environment forces an instruction-set level. In JSON the sizes of caches are in
    bytes.

    \b
    Examples:
      fastmle config
      FASTMLE_LEVEL=baseline fastmle config
      fastmle config --json
    """
    if as_json:
        print_json(**show_config(mode="dict"))
    else:
        show_config()


def _read_rows(path, key, preferred, model, advice):
    """Read a file and pack its rows, once for all that is done with them."""
    table = read_table(path, key=key, preferred=preferred)
    try:
        return BitMatrix.from_array(table, binarize=model.binarize, n_jobs=model.n_jobs)
    except (ValueError, TypeError) as error:
        message = str(error).replace("pass binarize=threshold", advice)
        raise ValueError(f"{path}: {message}") from error


def _check_same_columns(data, train_rows, test, test_rows):
    """Raise a ValueError before the fit, not after it, if the model could not score the test rows."""
    if train_rows.shape[1] != test_rows.shape[1]:
        raise ValueError(f"{data} has {train_rows.shape[1]} columns, but {test} has {test_rows.shape[1]}")
    names = train_rows.feature_names, test_rows.feature_names
    if names[0] is not None and names[1] is not None and list(names[0]) != list(names[1]):
        raise ValueError(f"the columns of {test} must have the names of those of {data}, in the same order")


def _check_output(output, *inputs):
    """Raise an error before the work, not after it, if the output cannot be written."""
    check_writable(output)
    for path in inputs:
        if path is not None and os.path.realpath(path) == os.path.realpath(output):
            raise click.UsageError(f"{output} is to be read, it cannot be the output as well")


def _timed_fit(model, rows):
    """Fit the model and return the seconds it took."""
    watch_fit(model)
    start = time.perf_counter()
    model.fit(rows)
    return time.perf_counter() - start


def _score(model, rows):
    return ScoreSummary.from_scores(model.score_samples(rows), model.n_features_in_)
