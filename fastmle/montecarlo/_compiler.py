"""Numba's part: the user's function, rebuilt and compiled into a loop over a block of samples.

Only `integrand` imports this module, and only when there is something to compile.
"""

import builtins
import functools
import inspect
import math
import types as python_types
from collections.abc import Callable
from typing import NamedTuple

import numba
from llvmlite import ir
from numba.core import types
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from .elementary import substitute

__all__ = ["NumbaError", "UnsuitableResult", "compile_loops"]

# `numpy`: a division by zero gives an infinity, which is found in the values, where Numba's own test in
# every iteration would keep the loop from being vectorised.
_OPTIONS = {"nogil": True, "error_model": "numpy"}
# Tests of constant indices leave the loop; those of computed ones cost a few nanoseconds, and are worth it.
# Inlined even if it is long: the loop around it cannot be vectorised otherwise.
_USER_OPTIONS = {**_OPTIONS, "boundscheck": True, "forceinline": True}


class UnsuitableResult(TypeError):
    """What the function returns is no number and no vector of numbers."""


class CompiledLoops(NamedTuple):
    """The function of one sample, and loops around it, each of which Numba compiles when it is first called.

    Attributes
    ----------
    function : callable
        The function itself.
    write_values : callable
        ``write_values(samples, rows, flat_rows, values, position)``: the value of every sample. The numbers
        of all samples, one after the other, go through `rows`, a chunk of samples of the type that the
        function takes; `flat_rows` is a flat view of it.
    fill_and_sum : callable
        ``fill_and_sum(samples, values, n_rows, chunk, position, fill, state, parameters, n_columns,
        summarize, summary)``: draws samples by the compiled fill at the address `fill`, chunk by chunk, for
        which `samples` and `values` have room, and adds the values to a summary by the kernel at
        `summarize`. It returns the position of the first value that is not finite, whose sample still lies
        in `samples`, or -1.
    fill_and_count : callable
        ``fill_and_count(samples, n_rows, chunk, position, fill, state, parameters, n_columns)``: the same for
        functions that return a bool; returns how often it is true.
    n_components : int or None
        0 for a number, the length of a tuple, or None for an array, whose length is yet to be seen.
    returns_a_bool : bool
        Whether the function returns True or False.
    takes_floats : bool
        Whether it is given floats, of whatever type the samples are.

    In all of them ``position[0]`` is the first row of the chunk that is worked on.
    """

    function: Callable
    write_values: Callable
    fill_and_sum: Callable
    fill_and_count: Callable
    n_components: int | None
    returns_a_bool: bool
    takes_floats: bool


def compile_loops(function, block):
    """Compile the function for samples like those of a block, and make the loops over them.

    Integers are given to it as floats, as Numba's integers wrap around, and have powers and quotients that
    are not Python's. Where that cannot be compiled, because they are indices perhaps, it gets them as they
    are.

    Parameters
    ----------
    function : callable
        The user's function.
    block : ndarray
        C-contiguous samples; their shape becomes a constant of the loops.

    Returns
    -------
    CompiledLoops

    Raises
    ------
    NumbaError
        If Numba cannot compile it.
    UnsuitableResult
        If it returns something else than numbers.
    """
    compiled = _compile_function(function)
    number = numba.typeof(block).dtype
    try:
        returned, takes_floats = _type_of_result(compiled, types.float64, block.ndim), True
    except NumbaError:
        if number == types.float64:
            raise
        returned, takes_floats = _type_of_result(compiled, number, block.ndim), False
    n_components = _n_components(returned)
    store = _store_number if n_components == 0 else _store_vector if n_components is None else _store_tuple
    if block.ndim > 1:
        take = _make_row_view(block.shape[1:])
    else:
        take = _take_float if takes_floats else _take_number
    return CompiledLoops(
        compiled,
        *_make_loops(compiled, take, store),
        n_components,
        isinstance(returned, types.Boolean),
        takes_floats,
    )


def _type_of_result(compiled, number, n_dimensions):
    """Return what the function returns for samples of these numbers, where a block has these dimensions."""
    sample = number if n_dimensions == 1 else types.Array(number, n_dimensions - 1, "C")
    return types.Dispatcher(compiled).get_call_type(cpu_target.typing_context, (sample,), {}).return_type


def _n_components(returned):
    if isinstance(returned, types.BaseTuple) and len(returned) and all(map(_is_real, returned.types)):
        return len(returned)
    if isinstance(returned, types.Array) and returned.ndim == 1 and _is_real(returned.dtype):
        return None
    if _is_real(returned):
        return 0
    nothing = isinstance(returned, (types.NoneType, types.Optional))
    raise UnsuitableResult(
        "it must return a real number, a bool, a tuple of these or a 1-d array; "
        + ("on some path it returns nothing" if nothing else f"it returns {returned}")
    )


def _is_real(numba_type):
    return isinstance(numba_type, (types.Boolean, types.Integer, types.Float))


# The function, with what it reads


def _compile_function(function):
    if isinstance(function, numba.core.dispatcher.Dispatcher):
        return function
    if isinstance(function, functools.partial):
        function = _unfold(function)
    if not isinstance(function, python_types.FunctionType):
        function = _call(function)
    return _rebuild(function, {})


def _call(function):
    """Wrap what is no Python function, such as math.exp, into one."""

    def call(x):
        return function(x)

    return call


def _unfold(partial):
    """Return a function of one argument that does what a partial application does."""
    bound = inspect.signature(partial.func).bind_partial(*partial.args, **partial.keywords)
    parameters = list(bound.signature.parameters)
    missing = [name for name in parameters if name not in bound.arguments]
    if not missing:
        raise NumbaError("the partial application leaves no argument for the sample")
    place = parameters.index(missing[0])
    bound.apply_defaults()
    before = tuple(bound.arguments[name] for name in parameters[:place])
    after = tuple(bound.arguments[name] for name in parameters[place + 1 :])
    function = partial.func

    def call(x):
        return function(*before, x, *after)

    return call


def _rebuild(function, done):
    """Return the function, compiled on use, with its globals and closure as the compiler wants them.

    Python functions that it calls are rebuilt as well; `done` has those that are under way, so that a
    function may call itself.
    """
    from .integrand import captured

    if function in done:
        return done[function]
    read, closure = captured(function)
    namespace = {"__builtins__": builtins, "__name__": function.__module__}
    cells = tuple(python_types.CellType() for _ in function.__code__.co_freevars)
    rebuilt = python_types.FunctionType(
        function.__code__, namespace, function.__name__, function.__defaults__, cells or None
    )
    rebuilt.__kwdefaults__ = function.__kwdefaults__
    rebuilt.__module__ = function.__module__
    done[function] = compiled = numba.njit(**_USER_OPTIONS)(rebuilt)
    namespace.update((name, _prepare(value, done)) for name, value in read.items())
    for cell, name in zip(cells, function.__code__.co_freevars, strict=True):
        if name in closure:
            cell.cell_contents = _prepare(closure[name], done)
    return compiled


def _prepare(value, done):
    if isinstance(value, python_types.FunctionType) and (value.__module__ or "").split(".")[0] != "numpy":
        return _rebuild(value, done)
    return substitute(value)


# The loop


def _address_caller(n_arguments, returns_number):
    """Make ``call(address, arguments)`` for C functions of 64-bit integers and pointers, given as
    integers."""
    number = ir.IntType(64)
    c_function = ir.FunctionType(number if returns_number else ir.VoidType(), [number] * n_arguments)

    @intrinsic
    def call(typing_context, address, arguments):
        def generate(context, builder, signature, values):
            unpacked = [builder.extract_value(values[1], k) for k in range(n_arguments)]
            result = builder.call(builder.inttoptr(values[0], c_function.as_pointer()), unpacked)
            return result if returns_number else context.get_dummy_value()

        wanted = types.UniTuple(types.int64, n_arguments)
        return (types.int64 if returns_number else types.void)(types.int64, wanted), generate

    return call


_fill_samples = _address_caller(5, returns_number=False)
_summarize_values = _address_caller(4, returns_number=True)


@intrinsic
def _as_floats(typing_context, value):
    def generate(context, builder, signature, values):
        return context.cast(builder, values[0], signature.args[0], signature.return_type)

    return types.UniTuple(types.float64, len(value))(value), generate


@numba.njit(**_OPTIONS)
def _store_number(values, row, value):
    values[row] = value


@numba.njit(**_OPTIONS)
def _store_tuple(values, row, value):
    numbers = _as_floats(value)
    for component in range(len(numbers)):
        values[row, component] = numbers[component]


@numba.njit(**_OPTIONS)
def _store_vector(values, row, value):
    if len(value) != values.shape[1]:
        raise ValueError("the integrand must return vectors of one length")
    for component in range(len(value)):
        values[row, component] = value[component]


@numba.njit(**_OPTIONS)
def _take_number(samples, row):
    return samples[row]


@numba.njit(**_OPTIONS)
def _take_float(samples, row):
    return float(samples[row])


def _make_row_view(shape):
    """Make ``take(samples, row)`` for rows of this shape: with constant strides, loops can be vectorised."""

    @intrinsic
    def take(typing_context, samples, row):
        row_type = types.Array(samples.dtype, len(shape), "C")

        def generate(context, builder, signature, arguments):
            block = make_array(signature.args[0])(context, builder, arguments[0])
            view = make_array(row_type)(context, builder)
            size = context.get_abi_sizeof(context.get_data_type(row_type.dtype))
            strides = [size * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
            offset = builder.mul(arguments[1], context.get_constant(types.intp, math.prod(shape)))
            populate_array(
                view,
                data=builder.gep(block.data, [offset]),
                shape=[context.get_constant(types.intp, length) for length in shape],
                strides=[context.get_constant(types.intp, stride) for stride in strides],
                itemsize=context.get_constant(types.intp, size),
                meminfo=None,  # the block outlives the loop
            )
            return view._getvalue()

        return row_type(samples, types.intp), generate

    return take


def _make_loops(function, take, store):
    @numba.njit(**_OPTIONS)
    def write_values(samples, rows, flat_rows, values, position):
        chunk, size = len(rows), len(flat_rows) // len(rows)
        for start in range(0, len(values), chunk):
            position[0] = start
            outputs = values[start : start + chunk]
            numbers = samples[start * size : start * size + len(outputs) * size]
            for k in range(len(numbers)):
                flat_rows[k] = numbers[k]
            for row in range(len(outputs)):
                store(outputs, row, function(take(rows, row)))

    @numba.njit(**_OPTIONS)
    def fill_and_sum(
        samples, values, n_rows, chunk, position, fill, state, parameters, n_columns, summarize, summary
    ):
        for start in range(0, n_rows, chunk):
            position[0] = start
            n = min(chunk, n_rows - start)
            _fill_samples(fill, (state, parameters, samples.ctypes.data, n, n_columns))
            outputs = values[:n]
            for row in range(len(outputs)):
                store(outputs, row, function(take(samples, row)))
            found = _summarize_values(summarize, (values.ctypes.data, n, 1, summary))
            if found >= 0:
                return start + found
        return -1

    @numba.njit(**_OPTIONS)
    def fill_and_count(samples, n_rows, chunk, position, fill, state, parameters, n_columns):
        n_true = 0
        for start in range(0, n_rows, chunk):
            position[0] = start
            n = min(chunk, n_rows - start)
            _fill_samples(fill, (state, parameters, samples.ctypes.data, n, n_columns))
            for row in range(n):
                n_true += function(take(samples, row))
        return n_true

    return write_values, fill_and_sum, fill_and_count
