"""Which model ``fastmle fit`` fits, and the options of each."""

import click

from .estimators import FVSBN, NADE, BernoulliMLE

_MODELS = {"fvsbn": FVSBN, "nade": NADE, "bernoulli": BernoulliMLE}
# What each model takes of the options of "fit".
_OF_NETWORKS = {"alpha", "order", "seed"}
_OPTIONS = {
    "fvsbn": _OF_NETWORKS | {"smoothing", "max_iter", "tol"},
    "nade": _OF_NETWORKS | {"hidden", "epochs", "learning_rate", "dropout", "checkpoint"},
    "bernoulli": {"smoothing"},
}
_PARAMETERS = {"hidden": "n_hidden", "epochs": "max_epochs", "seed": "random_state"}

_CLICK_OPTIONS = (
    click.option(
        "--model",
        "kind",
        type=click.Choice(list(_MODELS)),
        default="fvsbn",
        help="fvsbn: every column a logistic regression on the columns before it. nade: the same with hidden "
        "units that they share. bernoulli: independent columns.",
    ),
    click.option(
        "--alpha",
        type=click.FloatRange(min=0),
        metavar="NUMBER",
        help="Penalty on the weights (fvsbn, nade).",
        show_default=str(FVSBN().alpha),
    ),
    click.option(
        "--smoothing",
        type=click.FloatRange(min=0),
        metavar="NUMBER",
        help="Pseudo-observations of each outcome of each column (fvsbn, bernoulli).",
        show_default=f"{FVSBN().smoothing:g} for fvsbn, {BernoulliMLE().smoothing:g} for bernoulli",
    ),
    click.option(
        "--order",
        type=click.Choice(["natural", "random"]),
        help="Order of the columns (fvsbn, nade): as they stand, or drawn with --seed.",
        show_default="natural",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        metavar="N",
        help="Seed of --order random, and of all else that is random in a fit (fvsbn, nade).",
        show_default="none",
    ),
    click.option(
        "--max-iter",
        type=click.IntRange(min=1),
        metavar="N",
        help="Largest number of passes over the data (fvsbn only).",
        show_default=str(FVSBN().max_iter),
    ),
    click.option(
        "--tol",
        type=click.FloatRange(min=0, min_open=True),
        metavar="NUMBER",
        help="Largest gradient entry a row at which a column counts as solved (fvsbn only).",
        show_default=f"{FVSBN().tol:g}",
    ),
    click.option(
        "--hidden",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of hidden units (nade only).",
        show_default=str(NADE().n_hidden),
    ),
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of passes along minibatches (nade only).",
        show_default=str(NADE().max_epochs),
    ),
    click.option(
        "--learning-rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="NUMBER",
        help="Size of the steps (nade only).",
        show_default="0.002",
    ),
    click.option(
        "--dropout",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="SHARE",
        help="Share of the hidden units that are left out in each row of a fit (nade only).",
        show_default=f"{NADE().dropout:g}",
    ),
    click.option(
        "--checkpoint",
        type=click.Path(),
        metavar="FILE",
        help="Write the state of the fit there after every epoch, and go on from it where there is one (nade "
        "only; needs --seed).",
    ),
)


def model_options(command):
    """Give a command the options of all models, and `kind`, the name of one."""
    for option in reversed(_CLICK_OPTIONS):
        command = option(command)
    return command


def make_model(kind, options):
    """Return the estimator that the options of "fit" ask for."""
    given = {name: value for name, value in options.items() if value is not None}
    if wrong := [name for name in given if name not in _OPTIONS[kind]]:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in wrong)
        raise click.UsageError(f"--model {kind} has no {names}")
    if "checkpoint" in given and "seed" not in given:
        raise click.UsageError("--checkpoint needs --seed, from which a resumed fit goes on alike")
    if given.get("order") == "natural":
        del given["order"]
    return _MODELS[kind](**{_PARAMETERS.get(name, name): value for name, value in given.items()})
