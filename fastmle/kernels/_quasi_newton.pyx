"""The compiled kernel of the row-wise limited-memory quasi-Newton method; see `reference`.

Every row is a problem of its own, of lengths[row] variables. Its last `memory` steps s, the changes y
of the gradient along them, and the metric times these changes, z = M^-1 y, stand in a ring: those in
place k at pairs[offsets[row] + 3 k lengths[row]], one after the other.
"""
from libc.math cimport INFINITY, NAN, fabs, isfinite
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t
from libc.string cimport memcpy

# A step is good when the slope has fallen to this share of the first one, on either side of the lowest
# point (Wolfe), and the value has not risen.
cdef double SLOPE_SHARE = 0.9

cdef enum Verdict:
    REJECTED, ACCEPTED, FAILED

# The columns of `search`.
cdef enum:
    STEP, FIRST_SLOPE, LOW, LOW_SLOPE, HIGH, TRIALS


cdef struct Problem:
    ptrdiff_t n
    ptrdiff_t memory
    double* x
    double* gradient
    double* solved
    double* direction
    double* search
    double* pairs
    double* curvatures
    int64_t* count
    double* scale


cdef inline double dot(const double* a, const double* b, ptrdiff_t n) noexcept nogil:
    # Eight running sums: one alone would wait for every addition, and these stand in four registers
    # of two, the narrowest there are.
    cdef double[8] sums
    cdef ptrdiff_t k, j
    for j in range(8):
        sums[j] = 0
    for k in range(0, n - 7, 8):
        for j in range(8):
            sums[j] += a[k + j] * b[k + j]
    for k in range(n & ~<ptrdiff_t>7, n):
        sums[0] += a[k] * b[k]
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))


cdef inline void add_multiple(double* a, double factor, const double* b, ptrdiff_t n) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(n):
        a[k] += factor * b[k]


cdef inline void subtract_from(const double* a, double* b, ptrdiff_t n) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(n):
        b[k] = a[k] - b[k]


cdef inline double largest_magnitude(const double* a, ptrdiff_t n) noexcept nogil:
    cdef double largest = 0
    cdef ptrdiff_t k
    for k in range(n):
        if a[k] != a[k]:
            return NAN
        if fabs(a[k]) > largest:
            largest = fabs(a[k])
    return largest


cdef inline Verdict judge(
    double* search, double value, double trial_value, double slope, double value_error,
    int max_trials,
) noexcept nogil:
    """Return whether the step is good; if not, set the next one."""
    cdef double step = search[STEP], first = search[FIRST_SLOPE], high_slope = NAN, share
    # A convex function cannot have risen before its lowest point, whatever the values say.
    cdef bint risen = slope > 0 and not trial_value <= value + value_error * fabs(value)
    search[TRIALS] += 1
    if not risen and fabs(slope) <= SLOPE_SHARE * fabs(first):
        return ACCEPTED
    if search[TRIALS] >= max_trials:
        return FAILED
    if slope < 0:
        search[LOW] = step
        search[LOW_SLOPE] = slope
        if search[HIGH] == INFINITY:
            search[STEP] = 4 * step
            return REJECTED
    else:
        search[HIGH] = step
        high_slope = slope
    # The secant's step, kept off the ends of the bracket, or the middle.
    share = search[LOW_SLOPE] / (search[LOW_SLOPE] - high_slope)
    if not isfinite(share):
        share = 0.5
    share = min(max(share, 0.1), 0.9)
    search[STEP] = search[LOW] + share * (search[HIGH] - search[LOW])
    return REJECTED


cdef inline void remember(
    Problem* p, const double* trial, const double* trial_gradient, const double* trial_solved,
) noexcept nogil:
    """Put the step into the ring, over the oldest, and scale the metric to the curvature along it.

    Leaves step and changes in x, gradient and solved, for the caller to fill anew.
    """
    cdef double along, across
    cdef double* entry = p.pairs + 3 * p.n * (p.count[0] % p.memory)
    subtract_from(trial, p.x, p.n)
    subtract_from(trial_gradient, p.gradient, p.n)
    subtract_from(trial_solved, p.solved, p.n)
    along = dot(p.x, p.gradient, p.n)
    across = dot(p.solved, p.gradient, p.n)
    if not along > 0:  # the pair would make the metric indefinite
        return
    if across > 0:
        p.scale[0] = along / across
    p.curvatures[p.count[0] % p.memory] = along
    memcpy(entry, p.x, p.n * sizeof(double))
    memcpy(entry + p.n, p.gradient, p.n * sizeof(double))
    memcpy(entry + 2 * p.n, p.solved, p.n * sizeof(double))
    p.count[0] += 1


cdef inline double set_direction(Problem* p, double* vector, double* coefficients) noexcept nogil:
    """Set the direction to minus the inverse Hessian times the gradient; return the slope along it."""
    cdef ptrdiff_t age, k, n = p.n, place
    cdef ptrdiff_t held = p.count[0] if p.count[0] < p.memory else p.memory
    cdef const double* entry
    cdef double factor
    for k in range(n):
        vector[k] = -p.gradient[k]
        p.direction[k] = -p.solved[k]
    for age in range(held):
        place = (p.count[0] - 1 - age) % p.memory
        entry = p.pairs + 3 * n * place
        factor = dot(entry, vector, n) / p.curvatures[place]
        coefficients[place] = factor
        add_multiple(vector, -factor, entry + n, n)
        add_multiple(p.direction, -factor, entry + 2 * n, n)
    for k in range(n):
        p.direction[k] *= p.scale[0]
    for age in range(held - 1, -1, -1):
        place = (p.count[0] - 1 - age) % p.memory
        entry = p.pairs + 3 * n * place
        factor = dot(entry + n, p.direction, n) / p.curvatures[place]
        add_multiple(p.direction, coefficients[place] - factor, entry, n)
    return dot(p.direction, p.gradient, n)


cdef inline void begin_search(Problem* p, double* vector, double* coefficients) noexcept nogil:
    cdef double slope = set_direction(p, vector, coefficients)
    if not slope < 0:  # only by rounding: the metric is positive definite
        p.count[0] = 0
        slope = set_direction(p, vector, coefficients)
    p.search[STEP] = 1
    p.search[FIRST_SLOPE] = p.search[LOW_SLOPE] = slope
    p.search[LOW] = 0
    p.search[HIGH] = INFINITY
    p.search[TRIALS] = 0


def advance_rows(
    int64_t[::1] active, const int64_t[::1] lengths, const int64_t[::1] offsets,
    double[:, ::1] x, double[::1] value, double[:, ::1] gradient, double[::1] norm,
    double[:, ::1] solved, double[:, ::1] direction, double[:, ::1] search,
    double[::1] pairs, double[:, ::1] curvatures, int64_t[::1] counts, double[::1] scale,
    double[::1] excess, double[::1] scratch, double[:, ::1] trial, const double[::1] trial_value,
    const double[:, ::1] trial_gradient, const double[:, ::1] trial_solved,
    double value_error, double target, double gap, double least_value,
    int max_trials, bint opening,
):
    """Take in an evaluation at the trial points, and write the next ones; return how many rows go on.

    Row i of the trial arrays is problem active[i]: a point, the value, the gradient and the metric times
    the gradient there. The rows that go on, and their next points, are moved to the front of active and
    trial; the others have a gradient within the target and an excess within gap times the value, which
    counts as least_value at least, or a search that failed without any memory behind it. The excess is
    what a row's model of its problem expects to gain. When opening, the points are those of x and are
    not judged. scratch holds one number a pair, then one a variable of the longest row.
    """
    cdef ptrdiff_t i, k, left = 0
    cdef int64_t row
    cdef Verdict verdict
    cdef Problem p
    cdef double slope
    cdef double* point
    p.memory = curvatures.shape[1]
    with nogil:
        for i in range(active.shape[0]):
            row = active[i]
            p.n = lengths[row]
            p.x = &x[row, 0]
            p.gradient = &gradient[row, 0]
            p.solved = &solved[row, 0]
            p.direction = &direction[row, 0]
            p.search = &search[row, 0]
            p.pairs = &pairs[offsets[row]]
            p.curvatures = &curvatures[row, 0]
            p.count = &counts[row]
            p.scale = &scale[row]
            if opening:
                verdict = ACCEPTED
            else:
                slope = dot(&trial_gradient[i, 0], p.direction, p.n)
                verdict = judge(p.search, value[row], trial_value[i], slope, value_error, max_trials)
                if verdict == ACCEPTED:
                    remember(&p, &trial[i, 0], &trial_gradient[i, 0], &trial_solved[i, 0])
                    memcpy(p.x, &trial[i, 0], p.n * sizeof(double))
            if verdict == ACCEPTED:
                value[row] = trial_value[i]
                memcpy(p.gradient, &trial_gradient[i, 0], p.n * sizeof(double))
                memcpy(p.solved, &trial_solved[i, 0], p.n * sizeof(double))
                norm[row] = largest_magnitude(p.gradient, p.n)
            elif verdict == FAILED:
                # It starts again without memory; a search that had none has met the limit of the
                # arithmetic, and its row rests where it is.
                if p.count[0] == 0:
                    continue
                p.count[0] = 0
            if verdict != REJECTED:
                begin_search(&p, &scratch[p.memory], &scratch[0])
                excess[row] = -0.5 * p.search[FIRST_SLOPE]
                if not (norm[row] > target or excess[row] > gap * max(fabs(value[row]), least_value)):
                    continue
            point = &trial[left, 0]  # of this row, or of one that is done with
            for k in range(p.n):
                point[k] = p.x[k] + p.search[STEP] * p.direction[k]
            for k in range(p.n, trial.shape[1]):
                point[k] = 0
            active[left] = row
            left += 1
    return left
