"""Elementary functions as branch-free formulas in doubles, for every argument that a double can hold.

Each takes a :class:`~fastmle.montecarlo._arithmetic.Real` and returns one. The coefficients come from
``tools/montecarlo_coefficients.py``.

The largest errors among some 10^7 arguments, in units in the last place: log10 0.73, log1p 0.81, log2 0.82,
log 0.88, exp2 1.06, exp 1.14, expm1 1.27, tanh 1.30, cosh 1.49, sinh 1.67.
"""

from ._arithmetic import MANTISSA, SIGN

INFINITY = float("inf")
NAN = float("nan")
_LOG2_E = float.fromhex("0x1.71547652b82fep+0")
# log 2 in two parts, the first with so few bits that its products with exponents are exact.
_LOG_2_HIGH = float.fromhex("0x1.62e42fefap-1")
_LOG_2_LOW = float.fromhex("0x1.cf79abc9e3b3ap-40")
_LOG_2 = float.fromhex("0x1.62e42fefa39efp-1")
# Adding it leaves the nearest integer in the low bits of the sum.
ROUND = float.fromhex("0x1.8p52")
# The logarithms of e to bases 2 and 10 and of 2 to base 10, the first parts with 31 and 41 bits.
_LOG2_OF_E = (float.fromhex("0x1.7154765400000p+0"), float.fromhex("-0x1.47d01e8882f00p-32"))
_LOG10_OF_E = (float.fromhex("0x1.bcb7b15400000p-2"), float.fromhex("-0x1.91af1cd59548bp-34"))
_LOG10_OF_2 = (float.fromhex("0x1.34413509f8000p-2"), float.fromhex("-0x1.80433b83b532ap-44"))
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_ONE_BITS = 0x3FF0000000000000

_EXP_TAIL = [
    float.fromhex(c)
    for c in (
        "0x1p-1",
        "0x1.5555555555556p-3",
        "0x1.5555555553d63p-5",
        "0x1.11111111109b3p-7",
        "0x1.6c16c1788bd90p-10",
        "0x1.a01a01a7c41d5p-13",
        "0x1.a019b90d2ae7ap-16",
        "0x1.71de0dae63bb3p-19",
        "0x1.289185613a3d6p-22",
        "0x1.af38a9b0ec855p-26",
    )
]
# The same with one term more, for results that are smaller than 1.
_EXPM1_TAIL = [
    float.fromhex(c)
    for c in (
        "0x1.0000000000000p-1",
        "0x1.5555555555557p-3",
        "0x1.5555555555556p-5",
        "0x1.11111111100dcp-7",
        "0x1.6c16c16c162d4p-10",
        "0x1.a01a01abe7fe1p-13",
        "0x1.a01a01a6d889cp-16",
        "0x1.71de0231960ebp-19",
        "0x1.27e4db646b17ep-22",
        "0x1.af4de97ca4194p-26",
        "0x1.1f730349868cep-29",
    )
]
_LOG_TAIL = [
    float.fromhex(c)
    for c in (
        "0x1.5555555555558p-1",
        "0x1.99999999952d7p-2",
        "0x1.2492492df281ap-2",
        "0x1.c71c62e3f11e6p-3",
        "0x1.7462b51cb66b1p-3",
        "0x1.39fe51a7c18f9p-3",
        "0x1.2b5900de53b32p-3",
    )
]


def polynomial(x, coefficients):
    """Return the sum of ``coefficients[k] * x**k``: pairs of terms, and Horner's scheme in x^2 over them.

    It waits less for its own results than Horner's scheme in x and needs fewer products than a tree.
    """
    pairs = [low + x * high for low, high in zip(coefficients[::2], coefficients[1::2], strict=False)]
    if len(coefficients) % 2:
        pairs.append(coefficients[-1])
    square = x * x
    result = pairs.pop()
    while pairs:
        result = pairs.pop() + square * result
    return result


def _power_of_two_halves(shifted):
    """Return two factors whose product is 2^k, from ``k + 2046 + ROUND``, for k in [-1080, 1025].

    One factor could not hold the 2^k of a subnormal result or of one just below infinity. The exponents of
    the factors are (k + 2046) // 2 and the rest, biased, so the shift must be logical and k + 2046
    positive.
    """
    bits = shifted.bits()
    half = bits >> 1
    return (half << 52).real(), ((bits - half) << 52).real()


def _reduced(x, bias):
    """Return r in [-log(2)/2, log(2)/2], the error of r, and k + bias + ROUND with x = k log 2 + r."""
    shifted = x * _LOG2_E + (ROUND + bias)
    k = shifted - (ROUND + bias)
    high = x - k * _LOG_2_HIGH
    low = k * _LOG_2_LOW
    r = high - low
    return r, (high - r) - low, shifted


def _exp(x, lowest, highest, bias=2046):
    r, _, shifted = _reduced(x.at_least(lowest).at_most(highest), bias)
    first, second = _power_of_two_halves(shifted)
    return (1.0 + (r + r * r * polynomial(r, _EXP_TAIL))) * first * second


def exp(x):
    """Return e^x."""
    return _exp(x, -746.0, 710.0)


def exp2(x):
    """Return 2^x."""
    x = x.at_least(-1076.0).at_most(1025.0)
    shifted = x + (ROUND + 2046)
    r = (x - (shifted - (ROUND + 2046))) * _LOG_2
    first, second = _power_of_two_halves(shifted)
    return (1.0 + (r + r * r * polynomial(r, _EXP_TAIL))) * first * second


def _expm1(x, bias=2046):
    """Return e^x - 1, or half of it with ``bias`` 2045, and what its rounding lost."""
    r, error, shifted = _reduced(x.at_least(-40.0).at_most(711.0), bias)
    first, second = _power_of_two_halves(shifted)
    # 2^-k, or 2^-80 where that is larger: beside 1 it no longer matters.
    inverse = (((1023 + bias) << 52) - (shifted.at_most(ROUND + bias + 80).bits() << 52)).real()
    # e^x - 1 = 2^k ((1 - 2^-k) + r + ...), where 1 - 2^-k is 0 or larger than r
    start = 1.0 - inverse
    total = start + r
    rest = ((start - total) + r) + (error + r * r * polynomial(r, _EXPM1_TAIL))
    result = total + rest
    return result * first * second, ((total - result) + rest) * first * second


def expm1(x):
    """Return e^x - 1."""
    result, _ = _expm1(x)
    return (result.bits() | x.bits() & SIGN).real()


def cosh(x):
    """Return (e^x + e^-x) / 2."""
    half = _exp(x.magnitude(), -1.0, 711.0, 2045)
    return half + 0.25 / half


def sinh(x):
    """Return (e^x - e^-x) / 2."""
    magnitude = x.magnitude()
    half, lost = _expm1(magnitude, 2045)  # with h = (e^|x| - 1) / 2, sinh |x| = h + h / (2 h + 1)
    bounded = half.at_most(1e18)
    lost = (half < 1e18).choose(lost, 0.0)  # which is NaN where half is infinite
    result = (half + (lost + bounded / (bounded + bounded + 1.0))).with_sign(x)
    return (magnitude < 1e-9).choose(x, result)  # half of the smallest number would be 0


def tanh(x):
    """Return sinh x / cosh x."""
    magnitude = x.magnitude().at_most(22.0)
    t, lost = _expm1(magnitude + magnitude)  # with t = e^(2 |x|) - 1, tanh |x| = t / (t + 2)
    below = t + 2.0
    lost_below = (2.0 - below) + t  # for large t not all of it, but there the quotient is near 1
    quotient = t / below
    return (quotient + (lost - quotient * (lost_below + lost)) / below).with_sign(x)


def _split(x):
    """Return m - 1 and k with x = 2^k m, sqrt(1/2) <= m < sqrt(2), for normal x > 0."""
    bits = x.bits() + (_ONE_BITS - _SQRT_HALF_BITS)
    # as a double, 2^52 + the biased exponent
    k = ((bits >> 52) | 0x4330000000000000).real() - float(2**52 + 1023)
    return ((bits & MANTISSA) + _SQRT_HALF_BITS).real() - 1.0, k


def _split_any(x):
    """Split every x > 0."""
    tiny = x < 2.0**-1022
    f, k = _split(tiny.choose(x * 2.0**54, x))
    return f, k - tiny.choose(x.constant(54.0), 0.0)


def _log_parts(f):
    """Return h = f^2 / 2 and t with log(1 + f) = f - (h - t)."""
    s = f / (2.0 + f)
    z = s * s
    half_square = 0.5 * f * f
    return half_square, s * (half_square + z * polynomial(z, _LOG_TAIL))


def _at_ends(x, result):
    """Put in what a logarithm is at 0 and below, at infinity and at NaN."""
    result = (x < INFINITY).choose(result, x)
    return (x > 0.0).choose(result, x.equals(0.0).choose(x.constant(-INFINITY), x * NAN))


def log(x):
    """Return the natural logarithm."""
    f, k = _split_any(x)
    h, t = _log_parts(f)
    return _at_ends(x, k * _LOG_2_HIGH - ((h - (t + k * _LOG_2_LOW)) - f))


def _log_to_base(x, of_e, of_2):
    """Return the logarithm to a base, given those of e and 2 in two parts.

    log m is split so that the first part of its product with ``of_e`` is exact.
    """
    f, k = _split_any(x)
    h, t = _log_parts(f)
    high = ((f - h).bits() & ~0xFFFFFFFF).real()
    low = ((f - high) - h) + t
    product = high * of_e[0]
    start = k * of_2[0]
    total = start + product
    lost = (start - total) + product
    return _at_ends(x, total + (lost + (k * of_2[1] + (low * of_e[0] + (low + high) * of_e[1]))))


def log2(x):
    """Return the logarithm to base 2, which is exact at powers of 2."""
    return _log_to_base(x, _LOG2_OF_E, (1.0, 0.0))


def log10(x):
    """Return the logarithm to base 10."""
    return _log_to_base(x, _LOG10_OF_E, _LOG10_OF_2)


def log1p(x):
    """Return log(1 + x)."""
    u = 1.0 + x
    high = u - 1.0
    lost = (1.0 - (u - high)) + (x - high)  # 1 + x = u + lost, exactly
    f, k = _split(u)
    h, t = _log_parts(f)
    result = k * _LOG_2_HIGH - ((h - (t + (k * _LOG_2_LOW + lost / u))) - f)
    return (_at_ends(u, result).bits() | x.bits() & SIGN).real()
