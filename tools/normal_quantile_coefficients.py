"""Derive the coefficients of ``fastmle/kernels/src/random_functions.h``.

Run with ``python tools/normal_quantile_coefficients.py`` (needs mpmath). The quantile function of the
normal distribution is approximated as Wichura (1988, algorithm AS 241) does, by rational functions of
c^2 - q^2 times q in the centre, q = p - 1/2, and of sqrt(-log p) in the tails; here the centre reaches
farther out, so that fewer arguments are in the tails, at the price of higher degrees. Each rational
function interpolates at Chebyshev nodes, which is within a small factor of the minimax error. The error
printed beside it is the largest relative one on the interval, before rounding.
"""

import mpmath as mp

mp.mp.dps = 60
SMALLEST_CENTRAL = mp.mpf("0.035")  # the probability at which the tails begin
CENTRE = mp.mpf("0.5") - SMALLEST_CENTRAL


def upper_quantile(p):
    """Return the x > 0 beyond which a standard normal variable lies with probability p < 1/2."""
    if p > 0.01:
        return mp.sqrt(2) * mp.erfinv(1 - 2 * p)
    x = mp.sqrt(-2 * mp.log(p))
    for _ in range(100):  # Newton's method on the logarithm
        tail, density = mp.erfc(x / mp.sqrt(2)) / 2, mp.npdf(x)
        change = (mp.log(tail) - mp.log(p)) * tail / density
        x += change
        if abs(change) < mp.mpf(10) ** -50:
            break
    return x


def central_ratio(r):
    """Return the quantile at 1/2 + q, divided by q, with r = CENTRE^2 - q^2."""
    square = CENTRE**2 - r
    if square < mp.mpf(10) ** -40:
        return mp.sqrt(2 * mp.pi)
    q = mp.sqrt(square)
    return mp.sqrt(2) * mp.erfinv(2 * q) / q


def interpolate(function, interval, degree):
    """Return numerator and denominator, lowest power first, of the rational interpolant."""
    (low, high), n = interval, 2 * degree + 1
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    matrix, values = mp.matrix(n, n), mp.matrix(n, 1)
    for row, x in enumerate(nodes):
        values[row] = function(x)
        for k in range(degree + 1):
            matrix[row, k] = x**k
        for k in range(1, degree + 1):
            matrix[row, degree + k] = -values[row] * x**k
    solution = list(mp.lu_solve(matrix, values))
    return solution[: degree + 1], [mp.mpf(1), *solution[degree + 1 :]]


def report(name, function, interval, degree):
    low, high = interval
    parts = interpolate(function, interval, degree)
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * k / 300) for k in range(301)]
    numerator, denominator = (part[::-1] for part in parts)
    error = max(abs(mp.polyval(numerator, x) / mp.polyval(denominator, x) / function(x) - 1) for x in grid)
    print(f"{name}: relative error {mp.nstr(error, 3)}")
    for part in parts:
        print("    " + ", ".join(float(c).hex() for c in part))


def atanh_tail(z):
    """Return (atanh(s)/s - 1) / z with z = s^2, continued through z = 0."""
    if z < 1e-6:
        return mp.nsum(lambda k: z**k / (2 * k + 3), [0, mp.inf])
    s = mp.sqrt(z)
    return (mp.atanh(s) / s - 1) / z


if __name__ == "__main__":
    report("centre", central_ratio, (mp.mpf(0), CENTRE**2), 11)
    # Variables that begin at 0 give coefficients of one sign, so that nothing cancels.
    for start, stop, degree in (("1.75", "6.75", 9), ("6.5", "27.5", 8)):
        low, high = mp.mpf(start), mp.mpf(stop)
        report(
            f"tail, of sqrt(-log p) - {start}",
            lambda r, low=low: upper_quantile(mp.exp(-((r + low) ** 2))),
            (mp.mpf(0), high - low),
            degree,
        )
    largest = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")
    coefficients = mp.chebyfit(atanh_tail, [mp.mpf(0), largest], 7)
    grid = [largest * k / 300 for k in range(1, 301)]
    error = max(
        abs(mp.sqrt(z) * (1 + z * mp.polyval(coefficients, z)) / mp.atanh(mp.sqrt(z)) - 1) for z in grid
    )
    print(f"atanh: relative error {mp.nstr(error, 3)}")
    print("    " + ", ".join(float(c).hex() for c in reversed(coefficients)))
