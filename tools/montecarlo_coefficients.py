"""Derive the constants of ``fastmle/montecarlo/_formulas.py`` and ``_trigonometry.py``.

Run with ``python tools/montecarlo_coefficients.py`` (needs mpmath). Each polynomial is the Chebyshev fit of
what its function is beyond the first terms of its series; the error printed beside it is the largest error of
the whole function on the interval, relative to the function, before rounding. Constants in parts have first
parts of so many bits that their products with the integers they meet are exact.
"""

import mpmath as mp

mp.mp.dps = 60


def series(coefficient):
    """Return the power series with these coefficients, which all converge fast on their intervals."""
    return lambda x: sum(coefficient(k) * x**k for k in range(40))


exp_tail = series(lambda k: 1 / mp.factorial(k + 2))  # (e^r - 1 - r) / r^2
log_tail = series(lambda k: mp.mpf(2) / (2 * k + 3))  # (2 atanh(s) - 2 s) / s^3, of z = s^2
sin_tail = series(lambda k: (-1) ** (k + 1) / mp.factorial(2 * k + 3))  # (sin(y) - y) / y^3, of z = y^2
cos_tail = series(lambda k: (-1) ** k / mp.factorial(2 * k + 4))  # (cos(y) - 1 + z/2) / z^2


def polynomial(name, tail, interval, terms, weight):
    """Print the fit of a tail, whose errors count ``weight(x)`` times in the function."""
    coefficients = mp.chebyfit(tail, interval, terms)
    low, high = interval
    grid = [low + (high - low) * mp.mpf(k) / 400 for k in range(401)]
    error = max(abs((mp.polyval(coefficients, x) - tail(x)) * weight(x)) for x in grid)
    print(f"{name}: relative error {mp.nstr(error, 3)}")
    for power, c in enumerate(reversed(coefficients)):
        print(f"    ^{power}: {float(c).hex()}")


def parts(name, value, *bits):
    """Print a constant as a sum of doubles, the first of them with these numbers of bits."""
    print(name)
    for n in (*bits, 53):
        mantissa, exponent = mp.frexp(value)
        part = mp.ldexp(mp.nint(mp.ldexp(mantissa, n)), exponent - n)
        print(f"    {float(part).hex()}")
        value -= part


wider = mp.mpf("1.0001")  # what rounding may push an argument over the end of its interval
half_log_2 = mp.log(2) / 2 * wider
ratio = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * wider
quarter_pi = (mp.pi / 4 * wider) ** 2

polynomial("exp", exp_tail, [-half_log_2, half_log_2], 10, lambda r: r**2 / mp.exp(r))
polynomial("expm1", exp_tail, [-half_log_2, half_log_2], 11, lambda r: r**2 / mp.exp(r))
polynomial("log", log_tail, [0, ratio], 7, lambda z: z / 2)
polynomial("sin", sin_tail, [0, quarter_pi], 6, lambda z: z)
polynomial("cos", cos_tail, [0, quarter_pi], 6, lambda z: z**2)

parts("log 2", mp.log(2), 37)
parts("log 2, one part", mp.log(2))
parts("1 / log 2, one part", 1 / mp.log(2))
parts("1 / log 2", 1 / mp.log(2), 31)
parts("1 / log 10", 1 / mp.log(10), 31)
parts("log10 2", mp.log10(2), 41)
parts("pi / 2", mp.pi / 2, 37, 37)
parts("2 / pi, one part", 2 / mp.pi)
