"""Compiled kernels of the first-order optimisers; `optimizer_reference` holds their definitions.

Arrays are flat and of one precision; `runs` says which of their entries take part, those from runs[i, 0] up
to runs[i, 1]. The slope, which is descended, is `scale` times the gradient plus `penalty` times the parameters,
and `keep` multiplies the parameters before a step. Digits are the same at every instruction-set level. Nothing
is validated here.
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t

cdef extern from "src/optimizers.h" nogil:
    ctypedef struct optimizers_runs:
        const int64_t* bounds
        ptrdiff_t n_runs
    ctypedef struct optimizers_step:
        double scale, penalty, keep, learning_rate
    ctypedef struct optimizers_adam:
        double beta1, beta2, epsilon, n_steps
    ctypedef struct optimizers_functions:
        double (*measure_slope_f32)(
            const float*, const float*, optimizers_runs, optimizers_step) noexcept nogil
        void (*update_sgd_f32)(float*, const float*, optimizers_runs, optimizers_step) noexcept nogil
        void (*update_momentum_f32)(
            float*, const float*, float*, optimizers_runs, optimizers_step, double, bint) noexcept nogil
        void (*update_adam_f32)(
            float*, const float*, float*, float*, optimizers_runs, optimizers_step,
            optimizers_adam) noexcept nogil
        double (*measure_slope_f64)(
            const double*, const double*, optimizers_runs, optimizers_step) noexcept nogil
        void (*update_sgd_f64)(double*, const double*, optimizers_runs, optimizers_step) noexcept nogil
        void (*update_momentum_f64)(
            double*, const double*, double*, optimizers_runs, optimizers_step, double, bint) noexcept nogil
        void (*update_adam_f64)(
            double*, const double*, double*, double*, optimizers_runs, optimizers_step,
            optimizers_adam) noexcept nogil
    const optimizers_functions* optimizers_of_level(int)

ctypedef fused real:
    float
    double

cdef const optimizers_functions* functions = optimizers_of_level(0)


def set_level(int level):
    """Let the kernels of this module use the instruction set of that level, an available one."""
    global functions
    functions = optimizers_of_level(level)


cdef inline optimizers_runs runs_of(const int64_t[:, ::1] runs) noexcept nogil:
    return optimizers_runs(&runs[0, 0], runs.shape[0])


def measure_slope(
    const real[::1] parameters, const real[::1] gradient, const int64_t[:, ::1] runs,
    double scale, double penalty, double[::1] squares,
):
    """Add the sum of squares of the slope to squares[0]."""
    cdef optimizers_step step = optimizers_step(scale, penalty, 1, 0)
    with nogil:
        if real is float:
            squares[0] += functions.measure_slope_f32(&parameters[0], &gradient[0], runs_of(runs), step)
        else:
            squares[0] += functions.measure_slope_f64(&parameters[0], &gradient[0], runs_of(runs), step)


def update_sgd(
    real[::1] parameters, const real[::1] gradient, const int64_t[:, ::1] runs,
    double scale, double penalty, double keep, double learning_rate,
):
    """Step along the slope."""
    cdef optimizers_step step = optimizers_step(scale, penalty, keep, learning_rate)
    with nogil:
        if real is float:
            functions.update_sgd_f32(&parameters[0], &gradient[0], runs_of(runs), step)
        else:
            functions.update_sgd_f64(&parameters[0], &gradient[0], runs_of(runs), step)


def update_momentum(
    real[::1] parameters, const real[::1] gradient, real[::1] velocity, const int64_t[:, ::1] runs,
    double scale, double penalty, double keep, double learning_rate, double momentum, bint nesterov,
):
    """Add the slope to the velocity, which has lost a part, and step along it.

    Nesterov's step is along what the velocity would become with the same slope once more.
    """
    cdef optimizers_step step = optimizers_step(scale, penalty, keep, learning_rate)
    with nogil:
        if real is float:
            functions.update_momentum_f32(
                &parameters[0], &gradient[0], &velocity[0], runs_of(runs), step, momentum, nesterov)
        else:
            functions.update_momentum_f64(
                &parameters[0], &gradient[0], &velocity[0], runs_of(runs), step, momentum, nesterov)


def update_adam(
    real[::1] parameters, const real[::1] gradient, real[::1] first, real[::1] second,
    const int64_t[:, ::1] runs, double scale, double penalty, double keep, double learning_rate,
    double beta1, double beta2, double epsilon, ptrdiff_t n_steps,
):
    """Average the slope and its square, and step along the one over the root of the other.

    n_steps counts this step.
    """
    cdef optimizers_step step = optimizers_step(scale, penalty, keep, learning_rate)
    cdef optimizers_adam adam = optimizers_adam(beta1, beta2, epsilon, <double>n_steps)
    with nogil:
        if real is float:
            functions.update_adam_f32(
                &parameters[0], &gradient[0], &first[0], &second[0], runs_of(runs), step, adam)
        else:
            functions.update_adam_f64(
                &parameters[0], &gradient[0], &first[0], &second[0], runs_of(runs), step, adam)
