"""Derive the polynomial coefficients of ``elementary.h``, ``information_terms.h`` and ``nade_coarse.h`` in
``kernels/src``.

Run with ``python tools/elementary_coefficients.py`` (needs mpmath). Each polynomial is the Chebyshev
fit of its function, which is within a small factor of the minimax fit; the error printed beside it is
the largest relative error of the whole approximated function on the interval, before rounding.
"""

import mpmath as mp

mp.mp.dps = 50


def exp_tail(r):
    """Return (exp(r) - 1 - r) / r^2, continued through r = 0."""
    return (
        mp.nsum(lambda k: r**k / mp.factorial(k + 2), [0, mp.inf])
        if abs(r) < 0.01
        else ((mp.exp(r) - 1 - r) / r**2)
    )


def atanh_tail(z):
    """Return (atanh(s)/s - 1) / z with z = s^2, continued through z = 0."""
    if z < 1e-3:
        return mp.nsum(lambda k: z**k / (2 * k + 3), [0, mp.inf])
    s = mp.sqrt(z)
    return (mp.atanh(s) / s - 1) / z


def report(name, tail, interval, terms, value, approximation):
    coefficients = mp.chebyfit(tail, interval, terms)
    grid = [interval[0] + (interval[1] - interval[0]) * k / 400 for k in range(401)]
    error = max(abs(approximation(x, mp.polyval(coefficients, x)) / value(x) - 1) for x in grid if x != 0)
    print(f"{name}: relative error {mp.nstr(error, 3)}")
    for power, c in enumerate(reversed(coefficients)):
        print(f"    z^{power}: {mp.nstr(c, 20)}  ({float(c).hex()})")


half_ln2 = mp.log(2) / 2 * mp.mpf("1.0001")
for name, terms_exp, terms_log in (("double", 10, 10), ("float", 5, 4)):
    report(
        f"exp, {name}",
        exp_tail,
        [-half_ln2, half_ln2],
        terms_exp,
        mp.exp,
        lambda r, q: 1 + r + r * r * q,
    )
    report(
        f"log1p, {name}",
        atanh_tail,
        [mp.mpf(0), mp.mpf(1) / 9],
        terms_log,
        lambda z: mp.atanh(mp.sqrt(z)),
        lambda z, q: mp.sqrt(z) * (1 + z * q),
    )

# For ratios between 2/3 and 3/2 (and what rounding an exponent adds): kernels/src/information_terms.h.
report(
    "atanh of near ratios, double",
    atanh_tail,
    [mp.mpf(0), mp.mpf("0.2016") ** 2],
    7,
    lambda z: mp.atanh(mp.sqrt(z)),
    lambda z, q: mp.sqrt(z) * (1 + z * q),
)

# A rough logarithm of what is left of a number without its exponent: kernels/src/nade_coarse.h.
report(
    "log1p between the roots of 1/2 and 2, rough",
    lambda x: mp.log1p(x) / x if abs(x) > 1e-6 else 1 - x / 2 + x * x / 3,
    [mp.sqrt(mp.mpf(1) / 2) - 1, mp.sqrt(2) - 1],
    6,
    mp.log1p,
    lambda x, q: x * q,
)
