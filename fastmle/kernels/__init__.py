"""Compiled kernels: pure functions on plain arrays, without validation, threads or hidden state.

Only this module imports the compiled extensions. `CATALOGUE` pairs every kernel with its plain NumPy
definition in :mod:`fastmle.kernels.reference` or a module named after it; the tests walk it.
"""

import os

from . import (
    information_reference,
    nade_reference,
    optimizer_reference,
    random_reference,
    reference,
    summary_reference,
)

try:
    from . import _bits, _fvsbn, _information, _nade, _optimizers, _random, _summaries
    from ._bits import (
        column_words,
        count_columns,
        count_pairs,
        hash_rows,
        pack_rows,
        pack_sparse_rows,
        sum_columns,
        take_columns,
        take_rows,
        unpack_rows,
        weigh_pairs,
    )
    from ._distinct import merge_rows, restore_order, sort_rows
    from ._fvsbn import (
        LANES,
        LISTED_LINES,
        LISTED_ROWS,
        LISTED_RUN,
        LISTING_SLACK,
        MAX_LISTED,
        SCRATCH_LINES,
        add_gradient,
        add_log_likelihood,
        compute_gradient_in_lines,
        compute_logits,
        list_rows,
        list_set_bits,
        logits_to_terms,
        sample_block,
        sample_rows,
    )
    from ._information import SUM_KINDS, SUM_RESULTS, SUM_SETTINGS, inform_pairs, sum_probabilities
    from ._levels import available_levels, compiler
    from ._linear_algebra import measure_lower_rows, solve_leading_blocks
    from ._nade import (
        NADE_ACTIVATIONS,
        NADE_COLUMNS,
        nade_add_gradient,
        nade_coarsen,
        nade_lines,
        nade_log_likelihood,
        nade_logits,
        nade_odds,
        nade_represent,
        nade_sample,
    )
    from ._optimizers import measure_slope, update_adam, update_momentum, update_sgd
    from ._quasi_newton import advance_rows
    from ._random import (
        draw_bits,
        draw_words,
        fill_address,
        fill_bernoulli,
        fill_categorical,
        fill_correlated,
        fill_exponential,
        fill_normal,
        fill_uniform,
        start_generators,
        uniform_to_normal,
    )
    from ._summaries import (
        SUMMARY_PLACES,
        SUMMARY_SIZE,
        TAIL_SIZE,
        merge_summaries,
        summarize_values,
        summary_address,
    )
except ModuleNotFoundError as error:
    raise ImportError(
        "fastmle's compiled kernels are missing: this is its source folder. Run Python from another folder, "
        "or build the kernels in place with: pip install -e ."
    ) from error

_KERNELS = (
    add_gradient,
    add_log_likelihood,
    advance_rows,
    column_words,
    compute_gradient_in_lines,
    compute_logits,
    count_columns,
    count_pairs,
    draw_bits,
    draw_words,
    fill_bernoulli,
    fill_categorical,
    fill_correlated,
    fill_exponential,
    fill_normal,
    fill_uniform,
    hash_rows,
    inform_pairs,
    list_rows,
    list_set_bits,
    logits_to_terms,
    measure_lower_rows,
    merge_rows,
    measure_slope,
    merge_summaries,
    nade_add_gradient,
    nade_coarsen,
    nade_log_likelihood,
    nade_logits,
    nade_odds,
    nade_represent,
    nade_sample,
    pack_rows,
    pack_sparse_rows,
    restore_order,
    sample_block,
    sample_rows,
    solve_leading_blocks,
    sort_rows,
    start_generators,
    sum_columns,
    sum_probabilities,
    summarize_values,
    take_columns,
    take_rows,
    uniform_to_normal,
    unpack_rows,
    update_adam,
    update_momentum,
    update_sgd,
    weigh_pairs,
)

_DEFINITIONS = {
    name: definition
    for module in (
        reference,
        random_reference,
        summary_reference,
        information_reference,
        nade_reference,
        optimizer_reference,
    )
    for name, definition in vars(module).items()
}
CATALOGUE = {kernel.__name__: (kernel, _DEFINITIONS[kernel.__name__]) for kernel in _KERNELS}


def choose_level(wanted=None):
    """Let the kernels use an instruction-set level: the highest one, or the one wanted.

    Parameters
    ----------
    wanted : {"baseline", "avx2", "avx512"} or None, default=None
        None takes the highest level that the processor has.

    Returns
    -------
    str
        The level in use.

    Raises
    ------
    ValueError
        If the processor, or this build, does not have it.
    """
    levels = available_levels()
    level = wanted or list(levels)[-1]
    if level not in levels:
        raise ValueError(
            f"instruction-set level {level!r} is not to be had here; choose from {', '.join(levels)} "
            "(environment variable FASTMLE_LEVEL)"
        )
    for module in (_bits, _fvsbn, _information, _nade, _optimizers, _random, _summaries):
        module.set_level(levels[level])
    global _level_in_use
    _level_in_use = level
    return level


def level_in_use():
    """Return the name of the instruction-set level that was chosen last."""
    return _level_in_use


LEVEL = choose_level(os.environ.get("FASTMLE_LEVEL"))

__all__ = [
    "CATALOGUE",
    "LANES",
    "LEVEL",
    "LISTED_LINES",
    "LISTED_ROWS",
    "LISTED_RUN",
    "LISTING_SLACK",
    "MAX_LISTED",
    "NADE_ACTIVATIONS",
    "NADE_COLUMNS",
    "SCRATCH_LINES",
    "SUMMARY_PLACES",
    "SUMMARY_SIZE",
    "SUM_KINDS",
    "SUM_RESULTS",
    "SUM_SETTINGS",
    "TAIL_SIZE",
    "available_levels",
    "choose_level",
    "compiler",
    "fill_address",
    "information_reference",
    "level_in_use",
    "nade_lines",
    "nade_reference",
    "optimizer_reference",
    "random_reference",
    "reference",
    "summary_address",
    "summary_reference",
    *(kernel.__name__ for kernel in _KERNELS),
]
