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

/* exp(x) for x <= 0, within 1 unit in the last place or so. Below -708 (float: -87), where the
 * result would be denormal, it is 0; what has been computed for such an x is of no meaning. */
static inline double exp_nonpositive_f64(double x)
{
    const double round_to_integer = 0x1.8p52; /* adding it leaves the nearest integer in the low bits */
    double shifted, k, r, r2, r4, q, result;
    uint64_t bits, scaled; /* unsigned: far below -708 the sum wraps */
    shifted = x * 1.4426950408889634074 + round_to_integer;
    k = shifted - round_to_integer;
    r = (x - k * 0x1.62e42fefap-1) - k * 0x1.cf79abc9e3b3ap-40;
    r2 = r * r;
    r4 = r2 * r2;
    q = ((0.5 + r * 0x1.5555555555556p-3)
         + r2 * (0x1.5555555553d63p-5 + r * 0x1.11111111109b3p-7))
        + r4 * (((0x1.6c16c1788bd90p-10 + r * 0x1.a01a01a7c41d5p-13)
                 + r2 * (0x1.a019b90d2ae7ap-16 + r * 0x1.71de0dae63bb3p-19))
                + r4 * (0x1.289185613a3d6p-22 + r * 0x1.af38a9b0ec855p-26));
    result = 1.0 + (r + r2 * q);
    memcpy(&bits, &shifted, sizeof bits);
    memcpy(&scaled, &result, sizeof scaled);
    scaled += bits << 52; /* k, moved into the exponent field */
    memcpy(&result, &scaled, sizeof result);
    return x > -708.0 ? result : 0.0;
}

static inline float exp_nonpositive_f32(float x)
{
    const float round_to_integer = 0x1.8p23f;
    float shifted, k, r, q, result;
    uint32_t bits, scaled;
    shifted = x * 1.44269504f + round_to_integer;
    k = shifted - round_to_integer;
    r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    q = 0x1.6d11093a17fd8p-10f;
    q = q * r + 0x1.120b6e42d2112p-7f;
    q = q * r + 0x1.5555192d5f5dep-5f;
    q = q * r + 0x1.5554dcf88fd17p-3f;
    q = q * r + 0.5f;
    result = 1.0f + (r + r * r * q);
    memcpy(&bits, &shifted, sizeof bits);
    memcpy(&scaled, &result, sizeof scaled);
    scaled += bits << 23;
    memcpy(&result, &scaled, sizeof result);
    return x > -87.0f ? result : 0.0f;
}

/* log1p(e) for e in [0, 1] from s = e / (2 + e): log1p(e) = 2 atanh(s), relative accuracy at any e. */
static inline double log1p_from_ratio_f64(double s)
{
    const double z = s * s;
    const double z2 = z * z, z4 = z2 * z2;
    const double q = ((0x1.5555555555555p-2 + z * 0x1.999999999a3ddp-3)
                      + z2 * (0x1.24924923d44c6p-3 + z * 0x1.c71c727143318p-4))
                     + z4 * (((0x1.745cf0b0e03bdp-4 + z * 0x1.3b18b294bebf9p-4)
                              + z2 * (0x1.10ac75dc602b1p-4 + z * 0x1.eb905e8575054p-5))
                             + z4 * (0x1.687a6e7c95176p-5 + z * 0x1.4b0a26c5f2aefp-4));
    return 2.0 * (s + s * (z * q));
}

static inline float log1p_from_ratio_f32(float s)
{
    const float z = s * s;
    float q = 0x1.12f5974a448c8p-3f;
    q = q * z + 0x1.21249ac88928ap-3f;
    q = q * z + 0x1.99ad6b7681559p-3f;
    q = q * z + 0x1.55554c7f9b39fp-2f;
    return 2.0f * (s + s * (z * q));
}

#endif
