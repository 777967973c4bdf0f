/* The loops of running summaries for one level, and their table. The including file sets SUMMARIES_TABLE
 * and the target. Partial sums are as many at every level, and are added in the same order: the digits
 * are those of every machine, so nothing here may be contracted to a fused multiply-add. */
#include <math.h>
#include <string.h>
#include "summaries.h"

/* Eight partial sums of each kind stay in registers at AVX2, where sixteen do not; so many values stay in
 * the first cache for the second pass. */
enum { PARTIAL_SUMS = 8, CHUNK_VALUES = 2048 };

typedef struct {
    double sum, minimum, maximum, others;
} chunk_range;

static inline double add_up(double *partial)
{
    for (int half = PARTIAL_SUMS / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            partial[lane] += partial[lane + half];
    return partial[0];
}

static chunk_range measure_range(const double *values, ptrdiff_t n_values)
{
    double sum[PARTIAL_SUMS], low[PARTIAL_SUMS], high[PARTIAL_SUMS], others[PARTIAL_SUMS];
    for (int lane = 0; lane < PARTIAL_SUMS; lane++) {
        sum[lane] = others[lane] = 0;
        low[lane] = INFINITY;
        high[lane] = -INFINITY;
    }
    ptrdiff_t first = 0;
    for (; first + PARTIAL_SUMS <= n_values; first += PARTIAL_SUMS) {
#pragma omp simd
        for (int lane = 0; lane < PARTIAL_SUMS; lane++) {
            const double value = values[first + lane];
            sum[lane] += value;
            low[lane] = value < low[lane] ? value : low[lane];
            high[lane] = value > high[lane] ? value : high[lane];
            /* Only 0 and 1 are their own squares, in rounded numbers too. */
            others[lane] += value * value == value ? 0.0 : 1.0;
        }
    }
    for (int lane = 0; lane < n_values - first; lane++) {
        const double value = values[first + lane];
        sum[lane] += value;
        low[lane] = value < low[lane] ? value : low[lane];
        high[lane] = value > high[lane] ? value : high[lane];
        others[lane] += value * value == value ? 0.0 : 1.0;
    }
    chunk_range range = {add_up(sum), low[0], high[0], add_up(others)};
    for (int lane = 1; lane < PARTIAL_SUMS; lane++) {
        range.minimum = low[lane] < range.minimum ? low[lane] : range.minimum;
        range.maximum = high[lane] > range.maximum ? high[lane] : range.maximum;
    }
    return range;
}

/* Sums of the deviations from the mean as it was first computed; the first of them is what it lacks. */
static void measure_deviations(const double *values, ptrdiff_t n_values, double mean, double *sums)
{
    double ones[PARTIAL_SUMS] = {0}, squares[PARTIAL_SUMS] = {0}, cubes[PARTIAL_SUMS] = {0};
    ptrdiff_t first = 0;
    for (; first + PARTIAL_SUMS <= n_values; first += PARTIAL_SUMS) {
#pragma omp simd
        for (int lane = 0; lane < PARTIAL_SUMS; lane++) {
            const double deviation = values[first + lane] - mean;
            const double square = deviation * deviation;
            ones[lane] += deviation;
            squares[lane] += square;
            cubes[lane] += square * deviation;
        }
    }
    for (int lane = 0; lane < n_values - first; lane++) {
        const double deviation = values[first + lane] - mean;
        const double square = deviation * deviation;
        ones[lane] += deviation;
        squares[lane] += square;
        cubes[lane] += square * deviation;
    }
    sums[0] = add_up(ones);
    sums[1] = add_up(squares);
    sums[2] = add_up(cubes);
}

/* Chan, Golub & LeVeque (1979) for squares, Pebay (2008) for cubes. Means are kept in two parts, because the
 * rounding of large ones would count in their difference. The array of the other need not hold more than
 * these numbers. */
static void merge_moments(double *into, const double *other)
{
    const double n_into = into[SUMMARY_COUNT], n_other = other[SUMMARY_COUNT];
    if (n_other == 0)
        return;
    if (n_into == 0) {
        memcpy(into, other, (SUMMARY_OTHERS + 1) * sizeof(double));
        return;
    }
    const double n = n_into + n_other, share = n_other / n;
    const double delta = other[SUMMARY_MEAN] - into[SUMMARY_MEAN] + (other[SUMMARY_REST] - into[SUMMARY_REST]);
    const double step = delta * share;
    const double apart = delta * step * n_into;
    into[SUMMARY_CUBES] += other[SUMMARY_CUBES] + apart * (delta * ((n_into - n_other) / n))
                           + 3 * (delta * (n_into / n) * other[SUMMARY_SQUARES]
                                  - step * into[SUMMARY_SQUARES]);
    into[SUMMARY_SQUARES] += other[SUMMARY_SQUARES] + apart;
    /* Knuth's sum of two numbers and its error, then Dekker's for the parts. */
    const double before = into[SUMMARY_MEAN], sum = before + step, moved = sum - before;
    const double rest = into[SUMMARY_REST] + (before - (sum - moved) + (step - moved));
    into[SUMMARY_MEAN] = sum + rest;
    into[SUMMARY_REST] = rest - (into[SUMMARY_MEAN] - sum);
    into[SUMMARY_COUNT] = n;
    if (other[SUMMARY_MINIMUM] < into[SUMMARY_MINIMUM])
        into[SUMMARY_MINIMUM] = other[SUMMARY_MINIMUM];
    if (other[SUMMARY_MAXIMUM] > into[SUMMARY_MAXIMUM])
        into[SUMMARY_MAXIMUM] = other[SUMMARY_MAXIMUM];
    into[SUMMARY_OTHERS] += other[SUMMARY_OTHERS];
}

/* The number that a value has to pass to be listed. */
static inline double threshold(const double *tail, double floor)
{
    return tail[0] > floor ? tail[0] : floor;
}

/* Puts a value to a place of the heap, or below: the smaller child moves up until the value has its place. */
static void sift_down(double *tail, int place, double value)
{
    for (int child = 2 * place + 1; child < TAIL_SIZE; child = 2 * place + 1) {
        child += child + 1 < TAIL_SIZE && tail[child + 1] < tail[child];
        if (!(tail[child] < value))
            break;
        tail[place] = tail[child];
        place = child;
    }
    tail[place] = value;
}

/* Fills what is free of a tail, which becomes a heap with its last place; returns how many values it took. */
static ptrdiff_t fill_tail(
    const double *values, ptrdiff_t n_values, double sign, double *tail, double floor)
{
    int free = 0, end = TAIL_SIZE;
    while (free < end) { /* the first that is not free */
        const int middle = (free + end) / 2;
        if (tail[middle] == -INFINITY)
            free = middle + 1;
        else
            end = middle;
    }
    ptrdiff_t k = 0;
    for (; k < n_values && free > 0; k++)
        if (sign * values[k] > floor)
            tail[--free] = sign * values[k];
    if (free == 0)
        for (int place = TAIL_SIZE / 2 - 1; place >= 0; place--)
            sift_down(tail, place, tail[place]);
    return k;
}

/* Lists the values, times the sign, that belong to a tail. Few do, as a rule: whole groups are passed. */
static void list_tail(const double *values, ptrdiff_t n_values, double sign, double *tail, double floor)
{
    enum { GROUP = 32 };
    ptrdiff_t first = tail[0] == -INFINITY ? fill_tail(values, n_values, sign, tail, floor) : 0;
    for (; first < n_values; first += GROUP) {
        const int n_group = n_values - first < GROUP ? (int)(n_values - first) : GROUP;
        double least = threshold(tail, floor), n_listed = 0;
#pragma omp simd reduction(+ : n_listed)
        for (int k = 0; k < n_group; k++)
            n_listed += sign * values[first + k] > least ? 1.0 : 0.0;
        if (n_listed == 0)
            continue;
        for (int k = 0; k < n_group; k++) {
            const double value = sign * values[first + k];
            if (value > least) {
                sift_down(tail, 0, value); /* in place of the least */
                least = threshold(tail, floor);
            }
        }
    }
}

/* Returns the place of the first value that is not finite, or -1. Sums that overflow are none of these. */
static int64_t find_infinite(const double *values, ptrdiff_t n_values)
{
    for (ptrdiff_t k = 0; k < n_values; k++)
        if (!isfinite(values[k]))
            return k;
    return -1;
}

static int64_t summarize_chunk(const double *values, ptrdiff_t n_values, double *summary)
{
    const chunk_range range = measure_range(values, n_values);
    if (!isfinite(range.sum)) {
        const int64_t found = find_infinite(values, n_values);
        if (found >= 0)
            return found;
    }
    const double n = (double)n_values;
    double chunk[SUMMARY_OTHERS + 1] = {
        n, range.minimum, 0, 0, 0, range.minimum, range.maximum, range.others};
    if (range.minimum < range.maximum) { /* equal values have no deviation, not one of rounding either */
        const double mean = range.sum / n;
        double sums[3];
        measure_deviations(values, n_values, mean, sums);
        const double lacks = sums[0] / n;
        chunk[SUMMARY_MEAN] = mean + lacks;
        chunk[SUMMARY_REST] = lacks - (chunk[SUMMARY_MEAN] - mean);
        chunk[SUMMARY_SQUARES] = sums[1] - lacks * sums[0];
        chunk[SUMMARY_CUBES] = sums[2] - lacks * (3 * sums[1] - 2 * (lacks * sums[0]));
    }
    merge_moments(summary, chunk);
    double *upper = summary + SUMMARY_UPPER_TAIL, *lower = summary + SUMMARY_LOWER_TAIL;
    if (range.maximum > threshold(upper, summary[SUMMARY_UPPER_FLOOR]))
        list_tail(values, n_values, 1, upper, summary[SUMMARY_UPPER_FLOOR]);
    if (-range.minimum > threshold(lower, summary[SUMMARY_LOWER_FLOOR]))
        list_tail(values, n_values, -1, lower, summary[SUMMARY_LOWER_FLOOR]);
    return -1;
}

static int64_t summarize_values(
    const double *values, ptrdiff_t n_values, ptrdiff_t stride, double *summary)
{
    if (n_values <= CHUNK_VALUES && stride == 1)
        return n_values > 0 ? summarize_chunk(values, n_values, summary) : -1;
    double gathered[CHUNK_VALUES], draft[SUMMARY_SIZE];
    memcpy(draft, summary, sizeof draft); /* a value that is not finite may be in a later chunk */
    for (ptrdiff_t first = 0; first < n_values; first += CHUNK_VALUES) {
        const ptrdiff_t left = n_values - first, n_chunk = left < CHUNK_VALUES ? left : CHUNK_VALUES;
        const double *chunk = values + first * stride;
        if (stride != 1) {
            for (ptrdiff_t k = 0; k < n_chunk; k++)
                gathered[k] = chunk[k * stride];
            chunk = gathered;
        }
        const int64_t found = summarize_chunk(chunk, n_chunk, draft);
        if (found >= 0)
            return first + found;
    }
    memcpy(summary, draft, sizeof draft);
    return -1;
}

static void merge_tails(double *into, double *into_floor, const double *other, double other_floor)
{
    if (other_floor > *into_floor)
        *into_floor = other_floor;
    ptrdiff_t k = into[0] == -INFINITY ? fill_tail(other, TAIL_SIZE, 1, into, -INFINITY) : 0;
    for (; k < TAIL_SIZE; k++)
        if (other[k] > into[0])
            sift_down(into, 0, other[k]);
}

static void merge_summaries(double *into, const double *other)
{
    merge_moments(into, other);
    merge_tails(into + SUMMARY_UPPER_TAIL, into + SUMMARY_UPPER_FLOOR, other + SUMMARY_UPPER_TAIL,
                other[SUMMARY_UPPER_FLOOR]);
    merge_tails(into + SUMMARY_LOWER_TAIL, into + SUMMARY_LOWER_FLOOR, other + SUMMARY_LOWER_TAIL,
                other[SUMMARY_LOWER_FLOOR]);
}

const summaries_functions SUMMARIES_TABLE = {summarize_values, merge_summaries};
