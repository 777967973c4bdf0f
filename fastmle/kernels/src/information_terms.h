/* The terms of entropies and divergences, without branches or calls, so that loops over them are vectorised.
 *
 * All are homogeneous: p and q come times UNIT, so that the smallest denormal number has become a normal one,
 * and the sum is divided by it. A term of a divergence is never negative, whatever p and q sum to.
 */
#include <math.h>
#include <string.h>
#include "elementary.h"

#define UNIT 0x1p54
#define MADD MULTIPLY_ADD_F64

static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* p / q = 2^k p / near, with p / near between 2/3 and 3/2. */
typedef struct {
    double k;
    double near;
} near_ratio;

/* For positive normal numbers. Read as integers, they are 2^52 times the base-2 logarithm, up to 0.086
 * (Mitchell 1962): their difference, rounded to a multiple of 2^52, is k. */
static inline near_ratio bring_near(double p, double q)
{
    const uint64_t offset = UINT64_C(2048) << 52, half = UINT64_C(1) << 51;
    const uint64_t difference = bits_of(p) - bits_of(q) + (offset + half);
    const uint64_t rounded = difference & UINT64_C(0xFFF0000000000000);
    near_ratio ratio;
    ratio.k = from_bits(rounded >> 52 | UINT64_C(0x4330000000000000)) - (0x1p52 + 2048);
    ratio.near = from_bits(bits_of(q) + (rounded - offset));
    return ratio;
}

/* (atanh(s) / s - 1) / s^2 = 1/3 + s^2 / 5 + .. for |s| up to 0.2016, within 1.6e-15: what ratios between 2/3
 * and 3/2 need. From tools/elementary_coefficients.py. */
static inline double atanh_tail(double z)
{
    const double z2 = z * z;
    return MADD(z2 * z2,
                MADD(z2, 0x1.36294d73a9daep-4, MADD(z, 0x1.38f3709c552e5p-4, 0x1.746c5b1009a46p-4)),
                MADD(z2, MADD(z, 0x1.c71c39d14d65cp-4, 0x1.2492495546986p-3),
                     MADD(z, 0x1.9999999979de4p-3, 0x1.5555555555570p-2)));
}

/* log(p / q) for positive numbers, relative to itself also where it is near zero. */
static inline double log_ratio(double p, double q)
{
    const near_ratio ratio = bring_near(p, q);
    const double s = (p - ratio.near) / (p + ratio.near), z = s * s, twice = s + s;
    return MADD(ratio.k, LOG_2, MADD(twice * z, atanh_tail(z), twice));
}

/* 1 + s (1 + s) P(s^2) with P the tail above. */
static inline double kl_tail(double s)
{
    return MADD(MADD(s, s, s), atanh_tail(s * s), 1.0);
}

/* p log(p / q) - p + q. With s = (p - q) / (p + q) it is (p + q) s^2 (1 + s (1 + s) P(s^2)); another power of two in q adds p k log 2, and the change of q. */
static inline double kl_term(double p, double q)
{
    const near_ratio ratio = bring_near(p, q);
    const double d = p - ratio.near, s = d / (p + ratio.near);
    const double close = d * s * kl_tail(s);
    const double term = MADD(p, ratio.k * LOG_2, q - ratio.near) + close;
    const double positive = q > 0 ? term : INFINITY;
    return p > 0 ? positive : q;
}

/* a b - ab, exactly: what the product lacks by rounding. */
static inline double product_rest(double a, double b, double ab)
{
#if defined(FASTMLE_FMA)
    return __builtin_fma(a, b, -ab);
#else /* in halves of 26 bits (Dekker, Veltkamp) */
    const double split_a = a * 134217729.0, high_a = split_a - (split_a - a), low_a = a - high_a;
    const double split_b = b * 134217729.0, high_b = split_b - (split_b - b), low_b = b - high_b;
    return ((high_a * high_b - ab) + high_a * low_b + low_a * high_b) + low_a * low_b;
#endif
}

/* a b - c d, within two units in the last place (Kahan): what rounding takes off the products is known. */
static inline double difference_of_products(double a, double b, double c, double d)
{
    const double ab = a * b, cd = c * d;
    return (ab - cd) + (product_rest(a, b, ab) - product_rest(c, d, cd));
}

/* The term of a cell of a table of counts, o log(o / e) - o + e, where o - e is known better than by o and e. */
static inline double cell_term(double o, double e, double difference)
{
    const near_ratio ratio = bring_near(o, e);
    const double d = ratio.k == 0 ? difference : o - ratio.near, s = d / (o + ratio.near);
    const double term = MADD(o, ratio.k * LOG_2, e - ratio.near) + d * s * kl_tail(s);
    return o > 0 ? term : e;
}

static inline double cross_entropy_term(double p, double q)
{
    const double positive = q > 0 ? -p * log_ratio(q, UNIT) : INFINITY;
    return p > 0 ? positive : 0.0;
}

static inline double jeffreys_term(double p, double q)
{
    const double term = (p - q) * log_ratio(p, q);
    const double least = p < q ? p : q, positive = least > 0 ? term : INFINITY;
    return p == q ? 0.0 : positive;
}

/* (1 - cosine-like) sum s^2n / (n (2n - 1)) = 1 + z/6 + z^2/15 + .., for the Jensen-Shannon divergence. */
static inline double mixture_tail(double z)
{
    const double z2 = z * z, z4 = z2 * z2;
    return MADD(z4 * z4, MADD(z, 1.0 / 190, 1.0 / 153),
                MADD(z4, MADD(z2, MADD(z, 1.0 / 120, 1.0 / 91), MADD(z, 1.0 / 66, 1.0 / 45)),
                     MADD(z2, MADD(z, 1.0 / 28, 1.0 / 15), MADD(z, 1.0 / 6, 1.0))));
}

/* Half of kl(p, m) + kl(q, m), m their mean. An error of m counts by its square, but not for nothing where
 * p and q are close: there it is (p + q) / 4 times a series in s. */
static inline double js_term(double p, double q, double d)
{
    const double sum = p + q, m = 0.5 * sum, s = d / (sum > 0 ? sum : 1.0), z = s * s;
    const double close = 0.25 * d * s * mixture_tail(z);
    const double far = 0.5 * (kl_term(p, m) + kl_term(q, m));
    return z < 0.04 ? close : far;
}

/* (sqrt(p) - sqrt(q))^2 */
static inline double hellinger_term(double p, double q, double d)
{
    const double roots = sqrt(p) + sqrt(q), difference = d / (roots > 0 ? roots : 1.0);
    return difference * difference;
}

/* exp(x) 2^exponent, of any x up to 600; 0 where it would be below the smallest number times 2^exponent. */
static inline double exp_scaled(double x, int exponent)
{
    const double round_to_integer = 0x1.8p52;
    const double shifted = MADD(x, 1.4426950408889634074, round_to_integer);
    const double k = shifted - round_to_integer;
    const double r = MADD(k, -0x1.cf79abc9e3b3ap-40, MADD(k, -0x1.62e42fefap-1, x));
    const double r2 = r * r, r4 = r2 * r2;
    const double q =
        MADD(r4,
             MADD(r4, MADD(r, 0x1.af38a9b0ec855p-26, 0x1.289185613a3d6p-22),
                  MADD(r2, MADD(r, 0x1.71de0dae63bb3p-19, 0x1.a019b90d2ae7ap-16),
                       MADD(r, 0x1.a01a01a7c41d5p-13, 0x1.6c16c1788bd90p-10))),
             MADD(r2, MADD(r, 0x1.11111111109b3p-7, 0x1.5555555553d63p-5),
                  MADD(r, 0x1.5555555555556p-3, 0.5)));
    const uint64_t moved = (bits_of(shifted) + (uint64_t)(int64_t)exponent) << 52;
    const double result = from_bits(bits_of(1.0 + MADD(r2, q, r)) + moved);
    const double least = exponent > 0 ? -745.2 : -708.0;
    const double low = x > least ? result : 0.0, high = x < 600.0 + 100.0 * (exponent == 0) ? low : INFINITY;
    return x == x ? high : x;
}

/* (exp(x) - 1) / x for |x| up to 0.35: its series. */
static inline double expm1_tail(double x)
{
    const double x2 = x * x, x4 = x2 * x2;
    return MADD(x4 * x4,
                MADD(x2 * x2, 1.0 / 6227020800,
                     MADD(x2, MADD(x, 1.0 / 479001600, 1.0 / 39916800), MADD(x, 1.0 / 3628800, 1.0 / 362880))),
                MADD(x4, MADD(x2, MADD(x, 1.0 / 40320, 1.0 / 5040), MADD(x, 1.0 / 720, 1.0 / 120)),
                     MADD(x2, MADD(x, 1.0 / 24, 1.0 / 6), MADD(x, 0.5, 1.0))));
}

/* (alpha p + (1 - alpha) q - p^alpha q^(1 - alpha)) / (alpha (1 - alpha)), for alpha from 1/2 on and the
 * log ratio L of p and q. Near L = 0 it is q times a series in L; elsewhere, also at alpha = 1,
 * (q - p + p L (exp(x) - 1) / x) / alpha with x = (alpha - 1) L. */
static inline double renyi_term(double p, double q, double L, const double *settings)
{
    const double alpha = settings[SETTING_ALPHA], x = (alpha - 1) * L;
    const double *c = settings + SETTING_SERIES, size = fabs(L) * (alpha > 1 ? alpha : 1.0);
    const double L2 = L * L, L4 = L2 * L2;
    const double series =
        MADD(L4 * L4,
             MADD(L4, MADD(c[13], L, c[12]), MADD(L2, MADD(c[11], L, c[10]), MADD(c[9], L, c[8]))),
             MADD(L4, MADD(L2, MADD(c[7], L, c[6]), MADD(c[5], L, c[4])),
                  MADD(L2, MADD(c[3], L, c[2]), MADD(c[1], L, c[0]))));
    const double ratio = fabs(x) < 0.35 ? expm1_tail(x) : (exp_scaled(x, 0) - 1) / x;
    const double far = (MADD(p * L, ratio, q - p)) / alpha;
    const double term = size < 0.5 ? q * L2 * series : far;
    const double without_q = alpha < 1 ? p / (1 - alpha) : INFINITY; /* where q is 0 */
    const double positive = q > 0 ? term : without_q;
    return p > 0 ? positive : q / alpha;
}
