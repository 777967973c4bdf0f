"""What the kernel of entropies and divergences computes, in plain NumPy, as in :mod:`.reference`.

The *settings* of a row are the scales of p and q (which multiply entries, or are added to logarithms), the
order alpha >= 1/2 of the Renyi divergence, the shift of its second sum, and the coefficients
(1 + alpha + .. + alpha^(n - 2)) / n!, n = 2, 3, .., of its series, which the definition does without.
The *results* are the sum of the terms; for the Renyi divergence the sum of p exp(x - shift) and the largest
x, with x = (alpha - 1) log(p / q); the sums of p and of q before scaling (of logarithms: of exponentials,
after scaling); and the least entries or 0, of logarithms minus the largest one.
"""

import numpy as np


def sum_probabilities(kind, log, omit, p, q, settings, results):
    """Sum up the terms of each row."""
    names = [
        "measure",
        "entropy",
        "cross_entropy",
        "kl",
        "js",
        "jeffreys",
        "renyi",
        "total_variation",
        "hellinger",
        "code_length",
    ]
    for row in zip(np.atleast_2d(p), np.atleast_2d(q), settings, results, strict=True):
        _sum_row(names[kind], log, omit, *row)


def _sum_row(name, log, omit, p, q, settings, results):
    p, q = p.astype(np.longdouble), q.astype(np.longdouble)
    if omit:
        kept = ~(np.isnan(p) | np.isnan(q))
        p, q = p[kept], q[kept]
    scale_p, scale_q, alpha, shift = settings[:4]
    with np.errstate(all="ignore"):
        if log:
            least = -np.max(p, initial=-np.inf), -np.max(q, initial=-np.inf)
            log_p, log_q = p + scale_p, q + scale_q
            p, q = np.exp(log_p), np.exp(log_q)
            sums = p.sum(), q.sum()
        else:
            least = np.min(p, initial=0.0), np.min(q, initial=0.0)
            sums = p.sum(), q.sum()
            p, q = p * scale_p, q * scale_q
            log_p, log_q = np.log(p), np.log(q)
        ratio = log_p - log_q
        terms = _terms(name, p, q, log_p, log_q, ratio, alpha)
        x = (alpha - 1) * ratio[log_p > -np.inf]
        results[:] = terms.sum(), 0.0, -np.inf, *sums, *least
        if name == "renyi":
            results[1] = (p[log_p > -np.inf] * np.exp(x - shift)).sum()
            results[2] = np.max(x, initial=-np.inf)


def _terms(name, p, q, log_p, log_q, ratio, alpha):
    def kl(p, q, ratio):
        return np.where(p > 0, p * ratio - p + q, q)

    entropy = np.where(p > 0, -p * log_p, 0.0)
    if name == "entropy":
        return entropy
    if name == "cross_entropy":
        return np.where(p > 0, -p * log_q, 0.0)
    if name == "kl":
        return kl(p, q, ratio)
    if name == "js":
        m = (p + q) / 2
        return (kl(p, m, np.log(p / m)) + kl(q, m, np.log(q / m))) / 2
    if name == "jeffreys":
        return np.where(p == q, 0.0, (p - q) * ratio)
    if name == "renyi":
        powers = np.where(p > 0, p * np.exp((alpha - 1) * ratio), 0.0)
        return (alpha * p + (1 - alpha) * q - powers) / (alpha * (1 - alpha))
    if name == "total_variation":
        return abs(p - q)
    if name == "hellinger":
        return (np.sqrt(p) - np.sqrt(q)) ** 2
    if name == "code_length":
        return entropy + kl(p, q, ratio)
    return np.zeros(1)


def inform_pairs(row_ones, ones, total, values):
    """Replace counts of rows that are ones in two columns by the mutual information of these, in nats.

    ``values[i, j]`` of `total` rows are ones in both columns, ``row_ones[i]`` and ``ones[j]`` in one of them;
    these counts are at most 1, in a unit that is taken for them.
    """
    one, other = row_ones[:, None].astype(np.longdouble), ones.astype(np.longdouble)
    both = values.astype(np.longdouble)
    information = np.zeros_like(both)
    for cell, row, column in (
        (both, one, other),
        (one - both, one, total - other),
        (other - both, total - one, other),
        (total - one - other + both, total - one, total - other),
    ):
        expected = row * column / total
        with np.errstate(all="ignore"):
            terms = cell * np.log(cell / expected)
        information += np.where(cell > 0, terms, 0) - cell + expected
    values[:] = information / total
