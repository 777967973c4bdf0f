/* The sums of entropies and divergences for one level, and their table. The including file sets
 * INFORMATION_TABLE and the target. Entries go through in blocks that stay in the first cache: loaded, summed up
 * and checked, turned into terms, added. Partial sums are as many at every level. */
#include "information.h"
#include "information_terms.h"

/* Sums of a block are added without error terms, 32 to a lane; sums of blocks are compensated. */
enum { LANES = 8, BLOCK = 256 };

typedef struct {
    const double *p, *q;           /* the entries, times UNIT if they were logarithms */
    const double *log_p, *log_q;   /* of logarithms: those */
    double *terms, *others;        /* what is to be added up */
    ptrdiff_t n_entries;           /* a multiple of LANES: zeros are added at the end */
    const double *settings;
    double largest;
} information_block;

/* What was added, and what that lacks by rounding (Knuth's sum of two numbers). */
typedef struct {
    double sum, rest;
} long_sum;

static inline void add_to(long_sum *total, double value)
{
    const double sum = total->sum + value, moved = sum - total->sum;
    const double rest = (total->sum - (sum - moved)) + (value - moved);
    total->rest += sum - sum == 0 ? rest : 0.0; /* of infinities there is no rest */
    total->sum = sum;
}

static inline double fold_sum(double *lanes)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return lanes[0];
}

static inline double fold_least(double *lanes)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            lanes[lane] = lanes[lane + half] < lanes[lane] ? lanes[lane + half] : lanes[lane];
    return lanes[0];
}

static double add_block(const double *values, ptrdiff_t n)
{
    double lanes[LANES] = {0};
    for (ptrdiff_t first = 0; first < n; first += LANES) {
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += values[first + lane];
    }
    return fold_sum(lanes);
}

/* The sums of two blocks, and their least entries: together, so that fewer additions wait for each other. */
static void check_blocks(const double *p, const double *q, ptrdiff_t n, double *sums, double *least)
{
    double sum_p[LANES] = {0}, sum_q[LANES] = {0}, low_p[LANES], low_q[LANES];
    for (int lane = 0; lane < LANES; lane++)
        low_p[lane] = low_q[lane] = INFINITY;
    for (ptrdiff_t first = 0; first < n; first += LANES) {
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++) {
            const double of_p = p[first + lane], of_q = q[first + lane];
            sum_p[lane] += of_p;
            sum_q[lane] += of_q;
            low_p[lane] = of_p < low_p[lane] ? of_p : low_p[lane];
            low_q[lane] = of_q < low_q[lane] ? of_q : low_q[lane];
        }
    }
    least[0] = fold_least(low_p);
    least[1] = fold_least(low_q);
    sums[0] = fold_sum(sum_p);
    sums[1] = fold_sum(sum_q);
}

/* From entries */

#define LINEAR_TERMS(NAME, TERM) \
    static void NAME(information_block *block) \
    { \
        const double *restrict P = block->p, *restrict Q = block->q; \
        const double scale_p = UNIT * block->settings[SETTING_SCALE_P]; \
        const double scale_q = UNIT * block->settings[SETTING_SCALE_Q]; \
        double *restrict terms = block->terms; \
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < block->n_entries; i++) \
        { \
            const double p = P[i] * scale_p, q = Q[i] * scale_q; \
            terms[i] = TERM; \
        } \
        (void)Q, (void)scale_q; \
    }

LINEAR_TERMS(linear_entropy, ((void)q, cross_entropy_term(p, p)))
LINEAR_TERMS(linear_cross_entropy, cross_entropy_term(p, q))
LINEAR_TERMS(linear_js, js_term(p, q, p - q))
LINEAR_TERMS(linear_jeffreys, jeffreys_term(p, q))
LINEAR_TERMS(linear_total_variation, fabs(p - q))
LINEAR_TERMS(linear_hellinger, hellinger_term(p, q, p - q))
LINEAR_TERMS(linear_code_length, cross_entropy_term(p, p) + kl_term(p, q))

/* Entries at least so large need no scale, and leave no result so small that it is rounded. */
#define PLAIN_LEAST 0x1p-900

/* The sum of kl_term, in two loops: so much waits for its division that processors do not look ahead to the
 * next one. Plain entries are not scaled, and none is zero. */
static inline double add_kl(const information_block *block, int plain)
{
    const double *restrict P = block->p, *restrict Q = block->q;
    const double scale_p = UNIT * block->settings[SETTING_SCALE_P];
    const double scale_q = UNIT * block->settings[SETTING_SCALE_Q];
    const ptrdiff_t n = block->n_entries;
    double *restrict terms = block->terms, *restrict ratios = block->others;
    double heads[BLOCK], lanes[LANES] = {0};
#pragma omp simd
    for (ptrdiff_t i = 0; i < n; i++) {
        const double p = plain ? P[i] : P[i] * scale_p, q = plain ? Q[i] : Q[i] * scale_q;
        const near_ratio ratio = bring_near(p, q);
        const double d = p - ratio.near, s = d / (p + ratio.near), head = d * s;
        const double term = MADD(p, ratio.k * LOG_2, q - ratio.near);
        const double positive = plain || q > 0 ? term : INFINITY;
        terms[i] = plain || p > 0 ? positive : q;
        ratios[i] = plain || p > 0 ? s : 0.0;
        heads[i] = plain || p > 0 ? head : 0.0;
    }
    for (ptrdiff_t first = 0; first < n; first += LANES) {
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] += MADD(heads[first + lane], kl_tail(ratios[first + lane]), terms[first + lane]);
    }
    return plain ? UNIT * fold_sum(lanes) : fold_sum(lanes);
}

static double add_plain_kl(const information_block *block)
{
    return add_kl(block, 1);
}

static double add_scaled_kl(const information_block *block)
{
    return add_kl(block, 0);
}

/* From logarithms. Differences of near numbers come from those of their logarithms, and an entry whose
 * exponential is no number any more still counts by its logarithm. */

static inline double difference_of(double p, double q, double L)
{
    return fabs(L) < 0.35 ? q * L * expm1_tail(L) : p - q;
}

static inline double log_kl_term(double p, double q, double log_p, double log_q)
{
    const double L = log_p - log_q, d = difference_of(p, q, L), sum = p + q, s = d / (sum > 0 ? sum : 1.0);
    const double close = d * s * kl_tail(s);
    const double term = fabs(L) < 0.35 ? close : MADD(p, L, q - p);
    const double positive = log_q > -INFINITY ? term : INFINITY;
    return log_p > -INFINITY ? positive : q;
}

static inline double log_cross_entropy_term(double p, double log_p, double log_q)
{
    const double positive = log_q > -INFINITY ? -p * log_q : INFINITY;
    return log_p > -INFINITY ? positive : 0.0;
}

static inline double log_jeffreys_term(double p, double q, double log_p, double log_q)
{
    const double L = log_p - log_q, least = log_p < log_q ? log_p : log_q;
    const double positive = least > -INFINITY ? difference_of(p, q, L) * L : INFINITY;
    return log_p == log_q ? 0.0 : positive;
}

#define LOG_TERMS(NAME, TERM) \
    static void NAME(information_block *block) \
    { \
        const double *restrict P = block->p, *restrict Q = block->q; \
        const double *restrict log_P = block->log_p, *restrict log_Q = block->log_q; \
        double *restrict terms = block->terms; \
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < block->n_entries; i++) \
        { \
            const double p = P[i], q = Q[i], log_p = log_P[i], log_q = log_Q[i]; \
            terms[i] = TERM; \
        } \
        (void)P, (void)Q, (void)log_P, (void)log_Q; \
    }

LOG_TERMS(log_entropy, ((void)q, (void)log_q, log_cross_entropy_term(p, log_p, log_p)))
LOG_TERMS(log_cross_entropy, ((void)q, log_cross_entropy_term(p, log_p, log_q)))
LOG_TERMS(log_kl, log_kl_term(p, q, log_p, log_q))
LOG_TERMS(log_js, js_term(p, q, difference_of(p, q, log_p - log_q)))
LOG_TERMS(log_jeffreys, log_jeffreys_term(p, q, log_p, log_q))
LOG_TERMS(log_total_variation, fabs(difference_of(p, q, log_p - log_q)))
LOG_TERMS(log_hellinger, hellinger_term(p, q, difference_of(p, q, log_p - log_q)))
LOG_TERMS(log_code_length,
          log_cross_entropy_term(p, log_p, log_p) + log_kl_term(p, q, log_p, log_q))

/* The Renyi divergence has three results, and needs two logarithms and exponentials: loops of their own. */
static void add_renyi_terms(
    information_block *block, const double *restrict p, const double *restrict q, const double *restrict logs,
    const double *restrict log_p)
{
    const ptrdiff_t n = block->n_entries;
    const double step = block->settings[SETTING_ALPHA] - 1, shift = block->settings[SETTING_SHIFT];
    double *restrict terms = block->terms, *restrict others = block->others;
    double settings[SETTINGS];
    memcpy(settings, block->settings, sizeof settings);
#pragma omp simd
    for (ptrdiff_t i = 0; i < n; i++)
        terms[i] = renyi_term(p[i], q[i], logs[i], settings);
#pragma omp simd
    for (ptrdiff_t i = 0; i < n; i++) {
        const double other = p[i] * exp_scaled(step * logs[i] - shift, 0);
        others[i] = p[i] > 0 ? other : 0.0;
    }
    double largest = block->largest;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double x = log_p[i] > -INFINITY ? step * logs[i] : -INFINITY;
        largest = x > largest ? x : largest;
    }
    block->largest = largest;
}

static void linear_renyi(information_block *block)
{
    const double *restrict P = block->p, *restrict Q = block->q, *settings = block->settings;
    const double scale_p = UNIT * settings[SETTING_SCALE_P], scale_q = UNIT * settings[SETTING_SCALE_Q];
    double p[BLOCK], q[BLOCK], logs[BLOCK], present[BLOCK];
#pragma omp simd
    for (ptrdiff_t i = 0; i < block->n_entries; i++) {
        p[i] = P[i] * scale_p;
        q[i] = Q[i] * scale_q;
        const double L = log_ratio(p[i], q[i]);
        logs[i] = q[i] > 0 ? L : INFINITY;
        present[i] = p[i] > 0 ? 0.0 : -INFINITY;
    }
    add_renyi_terms(block, p, q, logs, present);
}

static void log_renyi(information_block *block)
{
    double logs[BLOCK];
#pragma omp simd
    for (ptrdiff_t i = 0; i < block->n_entries; i++)
        logs[i] = block->log_p[i] - block->log_q[i];
    add_renyi_terms(block, block->p, block->q, logs, block->log_p);
}

typedef void (*terms_function)(information_block *);
static const terms_function linear_terms[INFORMATION_KINDS] = {
    0,            linear_entropy,         linear_cross_entropy, 0,                  linear_js, linear_jeffreys,
    linear_renyi, linear_total_variation, linear_hellinger, linear_code_length};
static const terms_function log_terms[INFORMATION_KINDS] = {
    0,         log_entropy,         log_cross_entropy, log_kl,         log_js, log_jeffreys,
    log_renyi, log_total_variation, log_hellinger,     log_code_length};

/* Reads a block as float64, with `filler` behind it up to a whole number of lanes. */
static const double *load(
    information_row row, ptrdiff_t first, ptrdiff_t n, double filler, int always, double *room)
{
    const char *values = row.values + first * row.stride;
    if (!always && !row.is_single && row.stride == (ptrdiff_t)sizeof(double) && n % LANES == 0)
        return (const double *)values;
    if (row.is_single && row.stride == (ptrdiff_t)sizeof(float)) {
        const float *singles = (const float *)values;
        for (ptrdiff_t i = 0; i < n; i++)
            room[i] = singles[i];
    } else if (row.is_single) {
        for (ptrdiff_t i = 0; i < n; i++)
            room[i] = *(const float *)(values + i * row.stride);
    } else if (row.stride == (ptrdiff_t)sizeof(double)) {
        memcpy(room, values, (size_t)n * sizeof(double));
    } else {
        for (ptrdiff_t i = 0; i < n; i++)
            room[i] = *(const double *)(values + i * row.stride);
    }
    for (ptrdiff_t i = n; i % LANES; i++)
        room[i] = filler;
    return room;
}

/* Puts the filler where either entry is NaN. */
static void omit_missing(double *p, double *q, ptrdiff_t n, double filler)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const int missing = p[i] != p[i] || q[i] != q[i];
        p[i] = missing ? filler : p[i];
        q[i] = missing ? filler : q[i];
    }
}

/* Adds the scale to logarithms, and takes exponentials times UNIT. */
static void exponentiate(double *logs, ptrdiff_t n, double scale, double *restrict exponentials, double *least)
{
    double highest = -*least;
    for (ptrdiff_t i = 0; i < n; i++)
        highest = logs[i] > highest ? logs[i] : highest;
    *least = -highest;
    for (ptrdiff_t i = 0; i < n; i++) {
        logs[i] += scale;
        exponentials[i] = exp_scaled(logs[i], 54);
    }
}

static void sum_row(int kind, int flags, information_row p, information_row q, ptrdiff_t n_entries,
                    const double *settings, double *results)
{
    double room_p[BLOCK], room_q[BLOCK], exp_p[BLOCK], exp_q[BLOCK], terms[BLOCK], others[BLOCK];
    const int is_log = flags & INFORMATION_LOG, omit = flags & INFORMATION_OMIT;
    const int one = p.values == q.values && p.stride == q.stride && p.is_single == q.is_single
                    && settings[SETTING_SCALE_P] == settings[SETTING_SCALE_Q];
    const int unscaled = settings[SETTING_SCALE_P] == 1 && settings[SETTING_SCALE_Q] == 1;
    const double filler = is_log ? -INFINITY : 0.0;
    const terms_function write_terms = is_log ? log_terms[kind] : linear_terms[kind];
    long_sum value = {0, 0}, other = {0, 0}, sum_p = {0, 0}, sum_q = {0, 0};
    double least_p = is_log ? INFINITY : 0.0, least_q = least_p; /* fillers do not show */
    information_block block = {.terms = terms, .others = others, .settings = settings, .largest = -INFINITY};
    for (ptrdiff_t first = 0; first < n_entries; first += BLOCK) {
        const ptrdiff_t n = n_entries - first < BLOCK ? n_entries - first : BLOCK;
        block.n_entries = (n + LANES - 1) / LANES * LANES;
        block.p = load(p, first, n, filler, flags, room_p);
        block.q = one ? block.p : load(q, first, n, filler, flags, room_q);
        if (omit)
            omit_missing(room_p, one ? room_p : room_q, block.n_entries, filler);
        if (is_log) {
            block.log_p = room_p;
            block.log_q = one ? room_p : room_q;
            exponentiate(room_p, block.n_entries, settings[SETTING_SCALE_P], exp_p, &least_p);
            if (!one)
                exponentiate(room_q, block.n_entries, settings[SETTING_SCALE_Q], exp_q, &least_q);
            block.p = exp_p;
            block.q = one ? exp_p : exp_q;
            add_to(&sum_p, add_block(block.p, block.n_entries));
            if (!one)
                add_to(&sum_q, add_block(block.q, block.n_entries));
        } else {
            double sums[2], least[2];
            check_blocks(block.p, block.q, block.n_entries, sums, least);
            add_to(&sum_p, sums[0]);
            add_to(&sum_q, sums[1]);
            least_p = least[0] < least_p ? least[0] : least_p;
            least_q = least[1] < least_q ? least[1] : least_q;
            if (kind == INFORMATION_KL) {
                const int plain = unscaled && least[0] >= PLAIN_LEAST && least[1] >= PLAIN_LEAST;
                add_to(&value, plain ? add_plain_kl(&block) : add_scaled_kl(&block));
                continue;
            }
        }
        if (kind == INFORMATION_MEASURE)
            continue;
        write_terms(&block);
        add_to(&value, add_block(terms, block.n_entries));
        if (kind == INFORMATION_RENYI)
            add_to(&other, add_block(others, block.n_entries));
    }
    const double unit = is_log ? 1 / UNIT : 1.0;
    results[INFORMATION_VALUE] = (value.sum + value.rest) * (1 / UNIT);
    results[INFORMATION_OTHER] = (other.sum + other.rest) * (1 / UNIT);
    results[INFORMATION_LARGEST] = block.largest;
    results[INFORMATION_SUM_P] = (sum_p.sum + sum_p.rest) * unit;
    results[INFORMATION_LEAST_P] = least_p;
    results[INFORMATION_SUM_Q] = one ? results[INFORMATION_SUM_P] : (sum_q.sum + sum_q.rest) * unit;
    results[INFORMATION_LEAST_Q] = one ? least_p : least_q;
}

/* Mutual information of a column of which `one` of `total` rows are ones with n others, ones[j] of them: values[j]
 * is the number of rows that are ones in both, and then the information. Counts are at most 1, in a unit of the
 * caller's. In the four cells of a table the counts differ from those of independent columns by one number. */
static void inform_pairs(
    double one, double total, const double *restrict ones, ptrdiff_t n, double *restrict values)
{
    const double rest = total - one, unit = 1 / total;
#pragma omp simd
    for (ptrdiff_t j = 0; j < n; j++) {
        const double both = values[j], other = ones[j], other_rest = total - other;
        const double first = one > both ? one - both : 0.0, second = other > both ? other - both : 0.0;
        const double least = (total + both) - (one + other), neither = least > 0 ? least : 0.0;
        const double d = difference_of_products(both, total, one, other) * unit;
        const double alike = cell_term(both, one * other * unit, d) + cell_term(neither, rest * other_rest * unit, d);
        const double apart = cell_term(first, one * other_rest * unit, -d) + cell_term(second, rest * other * unit, -d);
        values[j] = (alike + apart) * unit;
    }
}

const information_functions INFORMATION_TABLE = {sum_row, inform_pairs};
