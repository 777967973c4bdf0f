"""What the commands show: one line an error or warning, tables, JSON, and a progress bar."""

import json
import math
import sys
import warnings
from dataclasses import asdict, dataclass

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from .exceptions import DivergenceError

# What the library raises on input and settings that it cannot take; other exceptions are defects and
# keep their traceback.
_EXPECTED = (ValueError, TypeError, OSError, MemoryError, ImportError, DivergenceError)


class CommandGroup(click.Group):
    """A group of commands that reports errors and warnings in one line each, on standard error.

    The exit code is 2 after an error and 130 after Ctrl-C.
    """

    def main(self, *args, standalone_mode=True, **extra):
        """Run the command line and, in `standalone_mode`, leave the process with its exit code."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        try:
            code = super().main(*args, standalone_mode=False, **extra)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            advice = f" (see '{context.command_path} --help')" if context else ""
            _report("error", error.format_message() + advice)
            code = 2
        except click.Abort:
            code = 130
        sys.exit(code)

    def invoke(self, ctx):
        """Run the command that was asked for."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_: _report("warning", message)
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                click.echo("fastmle: interrupted", err=True)
                ctx.exit(130)
            except BrokenPipeError:  # the reader of the output has enough: click ends quietly
                raise
            except _EXPECTED as error:
                _report("error", _describe(error))
                ctx.exit(2)


def _report(kind, message):
    click.echo(f"fastmle: {kind}: {' '.join(str(message).split())}", err=True)


def _describe(error):
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return f"not enough memory. {error}"
    return str(error)


@dataclass(frozen=True)
class ScoreSummary:
    """Mean log-likelihood of rows, with its error.

    Attributes
    ----------
    rows : int
        Number of rows.
    mean_log_likelihood : float
        Nats a row.
    standard_error : float
        Of the mean, nats a row; NaN for a single row or an infinite mean.
    bits_per_dimension : float
        Mean negative log-likelihood in bits a column.
    zero_probability_rows : int
        Number of rows whose log-likelihood is minus infinity.
    """

    rows: int
    mean_log_likelihood: float
    standard_error: float
    bits_per_dimension: float
    zero_probability_rows: int

    @classmethod
    def from_scores(cls, scores, n_features):
        """Summarise the log-likelihoods of rows, nats."""
        mean = float(scores.mean())
        error = float("nan")
        if len(scores) > 1 and math.isfinite(mean):
            error = float(np.std(scores, ddof=1)) / math.sqrt(len(scores))
        bits = -mean / (n_features * math.log(2.0))
        return cls(len(scores), mean, error, bits, int(np.count_nonzero(scores == -np.inf)))

    def facts(self, which=""):
        """Return the rows of a table; `which` rows were scored is put into their names."""
        error = self.standard_error
        facts = {
            f"{which}rows": str(self.rows),
            f"mean {which}log-likelihood": f"{self.mean_log_likelihood:.4f} nats per row",
            f"{which}standard error": "-" if math.isnan(error) else f"{error:.4f} nats per row",
            f"{which}bits per dimension": f"{self.bits_per_dimension:.4f}",
        }
        if self.zero_probability_rows:
            facts[f"{which}rows of probability 0"] = str(self.zero_probability_rows)
        return facts


def print_json(**record):
    """Print one JSON object; a number that is not finite is null, for JSON has no other."""
    click.echo(json.dumps(_finite(record), allow_nan=False))


def _finite(value):
    if isinstance(value, ScoreSummary):
        value = asdict(value)
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_facts(facts):
    """Print a table of two columns: what, and its value."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for what, value in facts.items():
        table.add_row(what, value)
    Console(markup=False).print(table)


def print_table(headings, rows):
    """Print a table, its first column to the left and the others to the right."""
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", vertical="bottom", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(markup=False).print(table)


def iterations_of(model):
    """Return number of iterations and whether converged, None where there is a closed form."""
    return {
        "iterations": getattr(model, "n_iter_", None),
        "converged": getattr(model, "converged_", None),
    }


def describe_iterations(model):
    """Return number of iterations and convergence in words, for a table."""
    if not hasattr(model, "n_iter_"):
        return "closed form", "-"
    return str(model.n_iter_), "yes" if model.converged_ else "no"


def watch_fit(model):
    """Show the passes of a fit in a progress bar, where standard error is a terminal."""
    if sys.stderr.isatty() and hasattr(model, "set_callbacks"):
        model.set_callbacks(FitProgress())


class FitProgress:
    """A scikit-learn callback that shows the passes of a fit on standard error.

    How many passes there will be is not known, only a limit: the bar says that it moves, the numbers
    beside it how far.
    """

    def __init__(self):
        self._progress = None

    def setup(self, estimator, context):
        """Begin the bar."""
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("fitting {task.description}"),
            BarColumn(bar_width=20),
            TextColumn("pass {task.completed} of at most {task.fields[limit]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(context.estimator_name, total=None, limit=context.max_subtasks)
        self._progress.start()

    def on_fit_task_begin(self, estimator, context):
        """Do nothing: a pass counts when it is over."""

    def on_fit_task_end(self, estimator, context):
        """Count a pass, or take the bar away after the last one, before any warning is printed."""
        if context.parent is None:
            self.teardown(estimator, context)
        else:
            self._progress.advance(self._task)

    def teardown(self, estimator, context):
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
