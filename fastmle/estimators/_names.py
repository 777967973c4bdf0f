"""Column names at score time against column names at fit time."""

import warnings

import numpy as np

from ..exceptions import caller_level

_MOST_NAMES = 5


def check_feature_names(estimator, bits):
    """Compare the names of packed data with those the estimator was fitted with.

    Raises
    ------
    ValueError
        If both have names and these differ or stand in another order. Where only one side has names,
        there is a warning, as in scikit-learn.
    """
    fitted = getattr(estimator, "feature_names_in_", None)
    given = bits.feature_names
    name = type(estimator).__name__
    if fitted is None and given is None:
        return
    if fitted is None:
        warnings.warn(
            f"X has feature names, but {name} was fitted without feature names: columns are taken by "
            "position. Fit on data with names to have them checked.",
            stacklevel=caller_level(),
        )
        return
    if given is None:
        warnings.warn(
            f"X does not have valid feature names, but {name} was fitted with feature names: columns are "
            "taken by position. Pass a data frame with the names of the fit to have them checked.",
            stacklevel=caller_level(),
        )
        return
    if len(fitted) == len(given) and np.all(fitted == given):
        return
    unseen, missing = sorted(set(given) - set(fitted)), sorted(set(fitted) - set(given))
    message = "The feature names should match those that were passed during fit.\n"
    if unseen:
        message += "Feature names unseen at fit time:\n" + _listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(message)


def _listed(names):
    more = ["..."] if len(names) > _MOST_NAMES else []
    return "".join(f"- {name}\n" for name in [*names[:_MOST_NAMES], *more])


def reorder_by_name(prefix, first):
    """Return the packed columns in the order of the names `first`, or raise a ValueError."""
    place = {name: j for j, name in enumerate(prefix.feature_names)}
    if set(place) != set(first):
        shown = ", ".join(repr(name) for name in first[:_MOST_NAMES])
        more = ", ..." if len(first) > _MOST_NAMES else ""
        raise ValueError(
            f"X_prefix must hold the first {len(first)} columns of the order ({shown}{more}); it has "
            f"{', '.join(repr(name) for name in sorted(set(place) - set(first))[:_MOST_NAMES])} instead"
        )
    return prefix.take_columns([place[name] for name in first])


def name_columns(columns, feature_names):
    """Return a short text that names columns by index, and by name where there are names."""
    shown = [
        str(int(j)) if feature_names is None else f"{int(j)} ({feature_names[j]!r})"
        for j in columns[:_MOST_NAMES]
    ]
    rest = len(columns) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
