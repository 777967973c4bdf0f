"""The kernels of NADE in plain NumPy, one definition each, in the order of their arguments.

`tile` holds packed rows, `scratch` is working memory of the kernels alone; lines of hidden units are zero
beyond the first `n_hidden` numbers. The definitions walk over all columns, keep nothing from one to the next,
and take the hidden units of a column from all the bits before it.
"""

import numpy as np
from scipy.special import expit, log_expit

from . import random_reference


def _bits(tile, n_columns):
    return np.unpackbits(tile.T, axis=1, count=n_columns, bitorder="little").astype(np.float64)


def _activate(sums, n_hidden, activation):
    hidden = np.maximum(sums, 0.0) if activation else expit(sums)
    hidden[..., n_hidden:] = 0.0
    return hidden


def _states(x, input_weight, hidden_bias):
    """Return the sums of the hidden units before every column and after the last one."""
    steps = x[:, :, None] * np.asarray(input_weight, dtype=np.float64)
    first = np.broadcast_to(np.asarray(hidden_bias, dtype=np.float64), (len(x), 1, len(hidden_bias)))
    return np.concatenate([first, steps], axis=1).cumsum(axis=1)


def nade_logits(tile, output_weight, bias, input_weight, hidden_bias, n_hidden, activation, scratch, logits):
    x = _bits(tile, len(bias))
    hidden = _activate(_states(x, input_weight, hidden_bias)[:, :-1], n_hidden, activation)
    logits[:] = np.einsum("rik,ik->ri", hidden, np.asarray(output_weight, dtype=np.float64)) + bias


def nade_log_likelihood(
    tile, output_weight, bias, input_weight, hidden_bias, n_hidden, activation, scratch, total
):
    logits = np.empty((tile.shape[1], len(bias)))
    nade_logits(tile, output_weight, bias, input_weight, hidden_bias, n_hidden, activation, scratch, logits)
    total += log_expit(np.where(_bits(tile, len(bias)) > 0, logits, -logits)).sum(axis=1)


def nade_represent(
    tile, output_weight, bias, input_weight, hidden_bias, n_hidden, activation, scratch, hidden
):
    sums = _states(_bits(tile, len(bias)), input_weight, hidden_bias)[:, -1]
    hidden[:] = _activate(sums, n_hidden, activation)[:, :n_hidden]


def nade_odds(weight, odds, sums):
    odds[:] = np.exp(-np.clip(weight, -87.0, 87.0))
    size = np.abs(weight)
    sums += np.where(size > 87.0, np.inf, size).sum(axis=0), weight.sum(axis=0)


def nade_coarsen(output_weight, bias, n_hidden, weight, terms):
    # Single precision, one operation at a time, decides which way a weight is rounded.
    one = np.float32(2**14)  # a unit h counts 2 one (h - 1/2)
    width = -(-n_hidden // 16) * 16
    v = np.zeros((len(bias), weight.shape[1]), dtype=np.float32)
    v[:, :width] = output_weight[:, :width]
    by_sum = v.reshape(len(v), -1, 16)
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = np.add.accumulate(np.abs(by_sum), axis=1)[:, -1]
        total, logit = sizes.sum(axis=1), bias + v.sum(axis=1) / 2
    usable = (total < 1e30) & (np.abs(logit) < 1e30)
    v[~usable] = 0.0
    by_sum, sizes = v.reshape(len(v), -1, 16), np.where(usable[:, None], sizes, 0)
    # Products of weights with units of 16387 at most, in sums of 32 bits.
    steps = np.float32(131000 - width // 16)
    unit = np.maximum(sizes.max(axis=1) / steps, np.abs(v).max(axis=1) / np.float32(32767))
    unit = np.maximum(unit, np.float32(1e-28))
    rounded = np.rint(v * (1 / unit)[:, None])
    pairs = rounded.reshape(len(v), -1, 2, 16).swapaxes(2, 3)
    weight[:, : -(-n_hidden // 32) * 32] = pairs.reshape(len(v), -1)[:, : -(-n_hidden // 32) * 32]
    rest = np.abs(v - rounded * unit[:, None]).sum(axis=1)
    roundings = 2**-19 + 2**-25 * width
    error = rest / 2 + (total + rest) * (0.625 * 2**-13 + roundings) + np.abs(logit) * 2**-20 + 2**-14
    terms[:, 0] = logit
    terms[:, 1] = np.where(usable, unit / (2 * one), 0)
    terms[:, 2] = np.where(usable & (error < 1), error, np.inf)


def nade_sample(
    tile,
    n_given,
    output_weight,
    bias,
    input_weight,
    hidden_bias,
    n_hidden,
    activation,
    n_odds,
    coarse_weight,
    coarse_terms,
    states,
    uniform,
    scratch,
):
    input_weight, hidden_bias = (np.array(odds, dtype=np.float64) for odds in (input_weight, hidden_bias))
    for odds in (input_weight[:, :n_odds], hidden_bias[:n_odds]):
        odds[...] = -np.log(odds)
    n_block = len(uniform)
    random = np.zeros((len(bias), tile.shape[1]))
    for first in range(0, len(bias), n_block):
        given = max(n_given, first)
        n_drawn = min(first + n_block, len(bias)) - given
        if n_drawn > 0:
            lines = np.empty((n_drawn, tile.shape[1]), dtype=np.int32)
            random_reference.draw_bits(states, lines, tile.shape[1])
            random[given : given + n_drawn] = lines
    x = _bits(tile, len(bias))
    for i in range(n_given, len(bias)):
        sums = _states(x[:, :i], input_weight[:i], hidden_bias)[:, -1]
        hidden = _activate(sums, n_hidden, activation)
        x[:, i] = random[i] / 2**31 < expit(hidden @ output_weight[i].astype(np.float64) + bias[i])
    tile[:] = np.packbits(x.astype(np.uint8), axis=1, bitorder="little").T


def nade_add_gradient(
    tile,
    output_weight,
    bias,
    input_weight,
    hidden_bias,
    n_hidden,
    activation,
    weight,
    mask,
    keep,
    smoothing,
    scratch,
    value,
    grad_output_weight,
    grad_bias,
    grad_input_weight,
    grad_hidden_bias,
):
    x = _bits(tile, len(bias))
    w = np.ones(len(x)) if weight is None else weight
    units = _activate(_states(x, input_weight, hidden_bias)[:, :-1], n_hidden, activation)
    hidden = units if mask is None else units * mask[:, None, :]
    logits = np.einsum("rik,ik->ri", hidden, np.asarray(output_weight, dtype=np.float64)) + bias
    target = (1 - smoothing) * x + smoothing / 2
    value += w @ log_expit(np.where(x > 0, logits, -logits)).sum(axis=1)
    residual = w[:, None] * (target - expit(logits))
    grad_bias += residual.sum(axis=0)
    grad_output_weight += np.einsum("ri,rik->ik", residual, hidden)
    slope = (units > 0) if activation else units * (1 - units)
    back = residual[:, :, None] * output_weight * slope
    if mask is not None:
        back *= mask[:, None, :]
    # What the conditionals from a column on pass back, to it and all before it.
    after = back[:, ::-1].cumsum(axis=1)[:, ::-1]
    grad_hidden_bias += after[:, 0].sum(axis=0)
    grad_input_weight[:-1] += np.einsum("ri,rik->ik", x[:, :-1], after[:, 1:])
