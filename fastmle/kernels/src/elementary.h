/* exp and log1p on the intervals that a Bernoulli log-likelihood needs, without branches or calls, so
 * that the compiler can keep a loop over them in vector registers.
 *
 * With e = exp(-|t|) in (0, 1] everything follows:
 *     log sigmoid(t) = min(t, 0) - log1p(e)
 *     sigmoid(-t)    = e / (1 + e) for t >= 0, 1 / (1 + e) for t < 0
 * so no argument of any size overflows or cancels. The coefficients come from
 * tools/elementary_coefficients.py.
 */
#ifndef FASTMLE_ELEMENTARY_H
#define FASTMLE_ELEMENTARY_H

#include <stdint.h>
#include <string.h>

#define LOG_2 0.69314718055994530942

/* a b + c: fused where the level has such an instruction, the same in every lane. */
#if defined(FASTMLE_FMA)
#define MULTIPLY_ADD_F64 __builtin_fma
#define MULTIPLY_ADD_F32 __builtin_fmaf
#else
#define MULTIPLY_ADD_F64(a, b, c) ((a) * (b) + (c))
#define MULTIPLY_ADD_F32(a, b, c) ((a) * (b) + (c))
#endif

/* exp(x) for |x| <= 708, within 1 unit in the last place or so. */
static inline double exp_inside_f64(double x)
{
#define MADD MULTIPLY_ADD_F64
    const double round_to_integer = 0x1.8p52; /* adding it leaves the nearest integer in the low bits */
    double shifted, k, r, r2, r4, q, result;
    uint64_t bits, scaled; /* unsigned: far below -708 the sum wraps */
    shifted = MADD(x, 1.4426950408889634074, round_to_integer);
    k = shifted - round_to_integer;
    r = MADD(k, -0x1.cf79abc9e3b3ap-40, MADD(k, -0x1.62e42fefap-1, x));
    r2 = r * r;
    r4 = r2 * r2;
    q = MADD(r4,
             MADD(r4, MADD(r, 0x1.af38a9b0ec855p-26, 0x1.289185613a3d6p-22),
                  MADD(r2, MADD(r, 0x1.71de0dae63bb3p-19, 0x1.a019b90d2ae7ap-16),
                       MADD(r, 0x1.a01a01a7c41d5p-13, 0x1.6c16c1788bd90p-10))),
             MADD(r2, MADD(r, 0x1.11111111109b3p-7, 0x1.5555555553d63p-5),
                  MADD(r, 0x1.5555555555556p-3, 0.5)));
    result = 1.0 + MADD(r2, q, r);
    memcpy(&bits, &shifted, sizeof bits);
    memcpy(&scaled, &result, sizeof scaled);
    scaled += bits << 52; /* k, moved into the exponent field */
    memcpy(&result, &scaled, sizeof result);
    return result;
#undef MADD
}

/* exp(x) for x <= 0. Below -708 (float: -87), where the result would be denormal, it is 0; what has been
 * computed for such an x is of no meaning. */
static inline double exp_f64(double x)
{
    const double result = exp_inside_f64(x);
    return x > -708.0 ? result : 0.0;
}

/* exp(x) for |x| <= 87, as accurate. */
static inline float exp_inside_f32(float x)
{
#define MADD MULTIPLY_ADD_F32
    const float round_to_integer = 0x1.8p23f;
    float shifted, k, r, r2, q, result;
    uint32_t bits, scaled;
    shifted = MADD(x, 1.44269504f, round_to_integer);
    k = shifted - round_to_integer;
    r = MADD(k, 2.12194440e-4f, MADD(k, -0.693359375f, x));
    r2 = r * r;
    q = MADD(r2,
             MADD(r2, 0x1.6d11093a17fd8p-10f, MADD(r, 0x1.120b6e42d2112p-7f, 0x1.5555192d5f5dep-5f)),
             MADD(r, 0x1.5554dcf88fd17p-3f, 0.5f));
    result = 1.0f + MADD(r2, q, r);
    memcpy(&bits, &shifted, sizeof bits);
    memcpy(&scaled, &result, sizeof scaled);
    scaled += bits << 23;
    memcpy(&result, &scaled, sizeof result);
    return result;
#undef MADD
}

/* exp(x) for x <= 88; 0 below -87. */
static inline float exp_f32(float x)
{
    const float result = exp_inside_f32(x);
    return x > -87.0f ? result : 0.0f;
}

/* log1p(e) for e in [0, 1] from s = e / (2 + e): log1p(e) = 2 atanh(s), relative accuracy at any e. */
static inline double log1p_from_ratio_f64(double s)
{
#define MADD MULTIPLY_ADD_F64
    const double z = s * s;
    const double z2 = z * z, z4 = z2 * z2;
    const double q =
        MADD(z4,
             MADD(z4, MADD(z, 0x1.4b0a26c5f2aefp-4, 0x1.687a6e7c95176p-5),
                  MADD(z2, MADD(z, 0x1.eb905e8575054p-5, 0x1.10ac75dc602b1p-4),
                       MADD(z, 0x1.3b18b294bebf9p-4, 0x1.745cf0b0e03bdp-4))),
             MADD(z2, MADD(z, 0x1.c71c727143318p-4, 0x1.24924923d44c6p-3),
                  MADD(z, 0x1.999999999a3ddp-3, 0x1.5555555555555p-2)));
    return 2.0 * MADD(s, z * q, s);
#undef MADD
}

/* log1p(x) for x in [0, 2^1000]: with 1 + x = 2^k m, 1 <= m < 2, the logarithm is k log 2 + log1p(m - 1),
 * and m - 1 is x itself where k = 0. */
static inline double log1p_nonnegative_f64(double x)
{
    const double y = 1.0 + x;
    uint64_t bits, exponent, low;
    double m, k, e;
    memcpy(&bits, &y, sizeof bits);
    exponent = (bits >> 52) | UINT64_C(0x4330000000000000); /* as a number: 2^52 + biased exponent */
    low = (bits & UINT64_C(0x000FFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
    memcpy(&m, &low, sizeof m);
    memcpy(&k, &exponent, sizeof k);
    k -= 0x1p52 + 1023;
    e = y < 2.0 ? x : m - 1.0;
    return MULTIPLY_ADD_F64(k, LOG_2, log1p_from_ratio_f64(e / (2.0 + e)));
}

static inline float log1p_from_ratio_f32(float s)
{
#define MADD MULTIPLY_ADD_F32
    const float z = s * s;
    const float q = MADD(z * z, MADD(z, 0x1.12f5974a448c8p-3f, 0x1.21249ac88928ap-3f),
                         MADD(z, 0x1.99ad6b7681559p-3f, 0x1.55554c7f9b39fp-2f));
    return 2.0f * MADD(s, z * q, s);
#undef MADD
}

#endif
