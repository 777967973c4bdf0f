"""Elementary functions that a compiled loop can keep in vector registers.

Numba compiles ``math.exp`` and its relatives to calls of the C library, one a number, and a loop with a
call is not vectorised. :func:`substitute` gives, for the modules ``math`` and ``numpy`` and for their
functions, what to compile in their stead: the same functions as formulas (``_formulas.py``,
``_trigonometry.py``), which become part of the loop. A function that is to be inlined with them must be
compiled with ``forceinline=True``, since more than two of them make it larger than what LLVM inlines of its
own accord.

Numba is taught the stand-ins alone; what it does with the originals elsewhere in the program stays as it is.
"""

import functools
import math
import types

import numpy as np
from numba.core import types as nbtypes
from numba.core.imputils import lower_builtin
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global

from . import _formulas, _trigonometry
from ._arithmetic import Real

_FORMULAS = {
    name: getattr(_formulas, name)
    for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sinh", "cosh", "tanh")
} | {name: getattr(_trigonometry, name) for name in ("sin", "cos", "tan")}

_ROW = nbtypes.Array(nbtypes.float64, 1, "C")


def substitute(value):
    """Return what to compile in the place of a global or of a closure's value.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        For ``math`` and ``numpy`` a module that has everything they have, with stand-ins for their
        elementary functions; for one of these functions its stand-in; anything else as it is. Stand-ins
        take what Numba lets the originals take and give the same types, except that integers and booleans
        become float64. Called from Python, they are the originals.

    Notes
    -----
    Values are within 2 units in the last place over the whole range, with the limits, infinities, subnormal
    numbers and signs of zero of C; a logarithm of a negative number is NaN, without an exception. Single
    precision is computed in double and rounded. A function of a one-dimensional array is a loop over the
    formula; arrays of more dimensions, complex numbers and further arguments go to Numba's own
    implementation.
    """
    return _SUBSTITUTES.get(id(value), value)


def _is_real(kind):
    return isinstance(kind, nbtypes.Integer | nbtypes.Boolean | nbtypes.Float)


def _teach_numba(replacement, typing, lowering):
    """Let Numba type calls of ``replacement`` with ``typing`` and compile them with ``lowering``."""

    class Template(AbstractTemplate):
        key = replacement

        def generic(self, args, kws):
            return typing(self.context, args, kws)

    infer_global(replacement, nbtypes.Function(Template))
    lower_builtin(replacement, nbtypes.VarArg(nbtypes.Any))(lowering)


def _type_as(original):
    """Return the typing of a function by Numba."""
    return lambda context, args, kws: context.resolve_function_type(
        context.resolve_value_type(original), args, kws
    )


def _lower_as(original):
    """Return the lowering of a function by Numba."""

    def lower(context, builder, sig, args):
        function = context.typing_context.resolve_value_type(original)
        return context.get_function(function, sig)(builder, args)

    return lower


def _python_twin(original):
    """Return another function that does the same."""

    @functools.wraps(original)
    def twin(*args, **kwargs):
        return original(*args, **kwargs)

    return twin


def _elementary(original, formula):
    """Return the stand-in for a function of one real number."""
    replacement = _python_twin(original)
    type_as_original, lower_as_original = _type_as(original), _lower_as(original)

    def typing(context, args, kws):
        if len(args) == 1 and not kws and _is_real(args[0]) and args[0] != nbtypes.float32:
            return signature(nbtypes.float64, nbtypes.unliteral(args[0]))
        return type_as_original(context, args, kws)

    def over_row(x):
        result = np.empty(x.shape[0])
        for i in range(x.shape[0]):
            result[i] = replacement(x[i])
        return result

    def lowering(context, builder, sig, args):
        kind = sig.return_type
        if _is_real(sig.args[0]) and _is_real(kind):
            x = Real(builder, context.cast(builder, args[0], sig.args[0], nbtypes.float64))
            return context.cast(builder, formula(x).value, nbtypes.float64, kind)
        if kind == _ROW and len(args) == 1:
            return context.compile_internal(builder, over_row, sig, args)
        return lower_as_original(context, builder, sig, args)

    _teach_numba(replacement, typing, lowering)
    return replacement


def _where():
    """Return the stand-in for ``np.where``, of which Numba makes an array even of numbers."""
    replacement = _python_twin(np.where)
    type_as_original, lower_as_original = _type_as(np.where), _lower_as(np.where)

    def typing(context, args, kws):
        if len(args) == 3 and not kws and all(map(_is_real, args)):
            args = [nbtypes.unliteral(kind) for kind in args]
            return signature(context.unify_types(*args[1:]), *args)
        return type_as_original(context, args, kws)

    def lowering(context, builder, sig, args):
        if not _is_real(sig.return_type):
            return lower_as_original(context, builder, sig, args)
        condition = context.cast(builder, args[0], sig.args[0], nbtypes.boolean)
        yes, no = (
            context.cast(builder, value, kind, sig.return_type)
            for value, kind in zip(args[1:], sig.args[1:], strict=True)
        )
        return builder.select(condition, yes, no)

    _teach_numba(replacement, typing, lowering)
    return replacement


def _stand_in(module, replacements):
    """Return a module with everything that ``module`` has, but for ``replacements``."""
    stand_in = types.ModuleType(module.__name__, module.__doc__)
    vars(stand_in).update(replacements)
    stand_in.__getattr__ = functools.partial(getattr, module)
    stand_in.__dir__ = functools.partial(dir, module)
    return stand_in


def _substitutes():
    """Return the substitutes by the ids of what they stand for."""
    table = {}
    for module in (math, np):
        replacements = {
            name: _elementary(getattr(module, name), formula)
            for name, formula in _FORMULAS.items()
            if hasattr(module, name)
        }
        if module is np:
            replacements["where"] = _where()
        table.update((id(getattr(module, name)), stand_in) for name, stand_in in replacements.items())
        table[id(module)] = _stand_in(module, replacements)
    return table


_SUBSTITUTES = _substitutes()
