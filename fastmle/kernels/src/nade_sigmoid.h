/* 1 / x and 1 / (1 + exp(-a)) for a register of floats, without a division, which would take as long as all the
 * rest.
 *
 * exp(-a) = 2^n 2^f with n the nearest integer to t = -a / log 2. That t is rounded once moves the result by at
 * most |a| s (1 - s) 2^-24, with s the result, 1.4e-8. An estimate of the reciprocal is improved once by
 * Newton's method, to a few units in the last place. Far out, |t| stays at 126; what is not a number stays so, as
 * the selections return their second operand then. The polynomial is that of exp_f32 in elementary.h. */
#if FASTMLE_VECTOR_BYTES == 64

static inline part_f32 reciprocal_part_f32(part_f32 x)
{
    const __m512 y = _mm512_rcp14_ps((__m512)x);
    return (part_f32)_mm512_mul_ps(y, _mm512_fnmadd_ps((__m512)x, y, _mm512_set1_ps(2.0f)));
}

static inline part_f32 sigmoid_part_f32(part_f32 a)
{
    __m512 t = _mm512_mul_ps((__m512)a, _mm512_set1_ps(-1.44269504f)), n, r, r2, q, low, high, d;
    t = _mm512_min_ps(_mm512_set1_ps(126.0f), t);
    t = _mm512_max_ps(_mm512_set1_ps(-126.0f), t);
    n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    r = _mm512_mul_ps(_mm512_sub_ps(t, n), _mm512_set1_ps(0.693147181f));
    r2 = _mm512_mul_ps(r, r);
    high = _mm512_fmadd_ps(r, _mm512_set1_ps(0x1.120b6e42d2112p-7f), _mm512_set1_ps(0x1.5555192d5f5dep-5f));
    high = _mm512_fmadd_ps(r2, _mm512_set1_ps(0x1.6d11093a17fd8p-10f), high);
    low = _mm512_fmadd_ps(r, _mm512_set1_ps(0x1.5554dcf88fd17p-3f), _mm512_set1_ps(0.5f));
    q = _mm512_fmadd_ps(r2, high, low);
    d = _mm512_add_ps(_mm512_fmadd_ps(r2, q, r), _mm512_set1_ps(1.0f));
    d = _mm512_add_ps(_mm512_scalef_ps(d, n), _mm512_set1_ps(1.0f));
    return reciprocal_part_f32((part_f32)d);
}
#define SIGMOID_PART_F32 sigmoid_part_f32

#elif FASTMLE_VECTOR_BYTES == 32

static inline part_f32 reciprocal_part_f32(part_f32 x)
{
    const __m256 y = _mm256_rcp_ps((__m256)x);
    return (part_f32)_mm256_mul_ps(y, _mm256_fnmadd_ps((__m256)x, y, _mm256_set1_ps(2.0f)));
}

static inline part_f32 sigmoid_part_f32(part_f32 a)
{
    __m256 t = _mm256_mul_ps((__m256)a, _mm256_set1_ps(-1.44269504f)), n, r, r2, q, low, high, d;
    __m256i power;
    t = _mm256_min_ps(_mm256_set1_ps(126.0f), t);
    t = _mm256_max_ps(_mm256_set1_ps(-126.0f), t);
    n = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    r = _mm256_mul_ps(_mm256_sub_ps(t, n), _mm256_set1_ps(0.693147181f));
    r2 = _mm256_mul_ps(r, r);
    high = _mm256_fmadd_ps(r, _mm256_set1_ps(0x1.120b6e42d2112p-7f), _mm256_set1_ps(0x1.5555192d5f5dep-5f));
    high = _mm256_fmadd_ps(r2, _mm256_set1_ps(0x1.6d11093a17fd8p-10f), high);
    low = _mm256_fmadd_ps(r, _mm256_set1_ps(0x1.5554dcf88fd17p-3f), _mm256_set1_ps(0.5f));
    q = _mm256_fmadd_ps(r2, high, low);
    d = _mm256_add_ps(_mm256_fmadd_ps(r2, q, r), _mm256_set1_ps(1.0f));
    power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    d = _mm256_fmadd_ps(d, _mm256_castsi256_ps(power), _mm256_set1_ps(1.0f));
    return reciprocal_part_f32((part_f32)d);
}
#define SIGMOID_PART_F32 sigmoid_part_f32

#endif
