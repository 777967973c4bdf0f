"""Checks of the numbers that solvers take."""

import math
import operator


def check_number(name, value, low=0.0, high=math.inf, *, closed=False):
    """Return a number as a float, or raise a ValueError if it is not between `low` and `high`.

    `low` itself is allowed where `closed`, `high` never.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not ((low <= number if closed else low < number) and number < high):
        below = "" if high == math.inf else f" and less than {high:g}"
        raise ValueError(f"{name} must be a number {'>=' if closed else '>'} {low:g}{below}, got {value!r}")
    return number


def check_count(name, value, low=1):
    """Return an integer of at least `low`, or raise a ValueError."""
    try:
        count = operator.index(value)
    except TypeError:
        count = low - 1
    if isinstance(value, bool) or count < low:
        raise ValueError(f"{name} must be an integer of at least {low}, got {value!r}")
    return count
