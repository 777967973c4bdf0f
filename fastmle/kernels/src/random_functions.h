/* The logarithm and the quantile function of the normal distribution, without branches, calls or fused
 * operations. The coefficients come from tools/normal_quantile_coefficients.py. */

/* Polynomials c[0] + c[1] x + .. of given degree, by halves (Estrin), so that few operations wait for each
 * other: processors look ahead only so far. x2, x4, x8 are the powers of x. */
#define POLYNOMIAL_3(c) (((c)[0] + (c)[1] * x) + ((c)[2] + (c)[3] * x) * x2)
#define POLYNOMIAL_7(c) (POLYNOMIAL_3(c) + POLYNOMIAL_3((c) + 4) * x4)
#define POLYNOMIAL_8(c) (POLYNOMIAL_7(c) + (c)[8] * x8)
#define POLYNOMIAL_9(c) (POLYNOMIAL_7(c) + ((c)[8] + (c)[9] * x) * x8)
#define POLYNOMIAL_11(c) (POLYNOMIAL_7(c) + POLYNOMIAL_3((c) + 8) * x8)

/* x = 2^exponent m with m in [sqrt(1/2), sqrt(2)), for a positive normal x. */
static inline double split_exponent(double x, double *exponent)
{
    const uint64_t sqrt_half = UINT64_C(0x3FE6A09E667F3BCD), one = UINT64_C(0x3FF0000000000000);
    const uint64_t shifted = bits_of_double(x) + (one - sqrt_half);
    *exponent = double_of_bits(shifted >> 52 | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023);
    return double_of_bits((shifted & UINT64_C(0x000FFFFFFFFFFFFF)) + sqrt_half);
}

/* A logarithm is taken in two loops, this and the next function. With x = 2^exponent m it is
 * exponent log 2 + 2 atanh(s), where s = (m - 1) / (m + 1) is within 0.172 of zero. */
static inline double ratio_of(double x, double *exponent)
{
    const double f = split_exponent(x, exponent) - 1.0;
    return f / (2.0 + f);
}

static inline double log_of_ratio(double s, double exponent)
{
    static const double c[] = {0x1.5555555555558p-2, 0x1.99999999952d7p-3, 0x1.2492492df281ap-3,
                               0x1.c71c62e3f11e6p-4, 0x1.7462b51cb66b1p-4, 0x1.39fe51a7c18f9p-4,
                               0x1.2b5900de53b32p-4};
    const double x = s * s, x2 = x * x, x4 = x2 * x2, twice = s + s;
    const double q = POLYNOMIAL_3(c) + ((c[4] + c[5] * x) + c[6] * x2) * x4;
    /* The first part of log 2 has few digits, so that its multiples are exact. */
    return exponent * 0x1.62e42fefap-1 + (twice + (twice * x * q + exponent * 0x1.cf79abc9e3b3ap-40));
}

/* The same for (k + 1/2) 2^-64, k the word. From 1/2 on the distance to 1 is what has all digits, and an
 * argument whose exponent is 0 enters by it. */
static inline double ratio_of_word(uint64_t word, double *exponent)
{
    const uint64_t upper = mask_of_sign(word);
    const double small = unsigned_of_word(word ^ upper) * 0x1p-64;
    const double x =
        double_of_bits((bits_of_double(1.0 - small) & upper) | (bits_of_double(small) & ~upper));
    const double m = split_exponent(x, exponent);
    const double f = *exponent == 0.0 ? -small : m - 1.0;
    return f / (2.0 + f);
}

/* The quantile at 1/2 + q is q P(x) / Q(x), x = CENTRE^2 - q^2, for |q| up to CENTRE; beyond it, to 1/2,
 * the result is some number. Numerators, q P(x) here, and denominators are taken in loops of their own. */
#define CENTRE 0.465
#define CENTRAL_POWERS \
    const double x = CENTRE * CENTRE - q * q, x2 = x * x, x4 = x2 * x2, x8 = x4 * x4
static inline double central_numerator(double q)
{
    static const double p[] = {
        0x1.f2c333b674ec4p+1,  0x1.a3c49070e5c3dp+8,  0x1.22049d3882eadp+14, 0x1.ab083b07d8348p+18,
        0x1.6cbf2a470942dp+22, 0x1.72355e81b18afp+25, 0x1.b9b286e0be0f8p+27, 0x1.297f19676d224p+29,
        0x1.a323f36d3510cp+29, 0x1.0d31d5a966f63p+29, 0x1.ddf8c002f4efap+26, 0x1.026d04bbd9610p+22};
    CENTRAL_POWERS;
    return q * POLYNOMIAL_11(p);
}

static inline double central_denominator(double q)
{
    static const double d[] = {
        1.0,                   0x1.c4613267b7fd3p+6,  0x1.4ac4d8474aac9p+12, 0x1.04520d6bf4886p+17,
        0x1.e181acb49db41p+20, 0x1.0cff30a2807e0p+24, 0x1.69295c576448ap+26, 0x1.1a393046fee9ep+28,
        0x1.e2b7165f0cd7ap+28, 0x1.95c422940ca82p+28, 0x1.128b2d7f2b633p+27, 0x1.7676386339f30p+23};
    CENTRAL_POWERS;
    return POLYNOMIAL_11(d);
}

/* The x that a normal variable exceeds with probability p, from r = sqrt(-log p) in [1.75, 6.75]. */
static inline double tail_quantile(double r)
{
    static const double p[] = {
        0x1.ad50495e99b78p+0,  0x1.4afcdf77122afp+2,  0x1.9afb4b13ffa53p+2,  0x1.12018be12327ap+2,
        0x1.b404df27604b7p+0,  0x1.adc41e134ec49p-2,  0x1.03ad0f9be1097p-4,  0x1.693c98c5e13c8p-8,
        0x1.f5d210e45dd8cp-13, 0x1.f1f1844d90e75p-19};
    static const double d[] = {
        1.0,                   0x1.0af20696cc1f3p+1,  0x1.ceb19b3dfb772p+0,  0x1.b2af903dd84a2p-1,
        0x1.e20e38009060fp-3,  0x1.3e8301d6663ccp-5,  0x1.da2a16e8e5855p-9,  0x1.593e02af994f9p-13,
        0x1.60168577f2651p-19, 0x1.e076c7fb1efadp-42};
    const double x = r - 1.75, x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
    return POLYNOMIAL_9(p) / POLYNOMIAL_9(d);
}

/* The same for r in [6.5, 27.5]: to the smallest positive number. */
static inline double far_tail_quantile(double r)
{
    static const double p[] = {
        0x1.1b1e2db0e9aa8p+3,  0x1.857e9cdabcd74p+2,  0x1.b6fc85dbc9b6ap+0,
        0x1.058ad6bfcd31bp-2,  0x1.62b64972b7009p-6,  0x1.1284bdc192aa7p-10,
        0x1.cc7b087e9741ap-16, 0x1.70778bcb2b81ap-22, 0x1.98cd06bbe0279p-30};
    static const double d[] = {
        1.0,                   0x1.0c3414fdb4db2p-1,  0x1.bc05f92183567p-4,
        0x1.71eba961b3eafp-7,  0x1.47a956ef806dcp-11, 0x1.2bf5500b1832ep-16,
        0x1.fa6a483a7ff41p-23, 0x1.2110b03d24836p-30, 0x1.ffeed98faed36p-59};
    const double x = r - 6.5, x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
    return POLYNOMIAL_8(p) / POLYNOMIAL_8(d);
}
