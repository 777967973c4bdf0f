"""Sine, cosine and tangent of every double.

Arguments up to some 50000 are reduced by multiples of pi/2 held in three parts. Beyond, the C library does
it, in a branch, which no compiler would vectorise. The functions are therefore no formulas to be put into a
loop but functions beside it, each in a form for one number and in a form for as many as a vector register
holds, and a branch for the rare large argument in both. An attribute of the first form tells LLVM's
vectoriser of the second.

The largest errors among some 10^7 arguments, in units in the last place: sin 0.93, cos 0.93, tan 1.53.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, config

from ._arithmetic import DOUBLE, Real
from ._formulas import ROUND, polynomial

# k of these, for k < 2^15, are exact in the first two; the third goes to 2^-130.
_HALF_PI = [
    float.fromhex(c) for c in ("0x1.921fb54440000p+0", "0x1.68c234c4c0000p-39", "0x1.98a2e03707345p-77")
]
_TWO_OVER_PI = float.fromhex("0x1.45f306dc9c883p-1")
_LARGE = 50000.0

_SIN_TAIL = [
    float.fromhex(c)
    for c in (
        "-0x1.5555555555555p-3",
        "0x1.1111111110bb1p-7",
        "-0x1.a01a019e8357dp-13",
        "0x1.71de37961e4c6p-19",
        "-0x1.ae600a926c89ap-26",
        "0x1.5e0af186af739p-33",
    )
]
_COS_TAIL = [
    float.fromhex(c)
    for c in (
        "0x1.5555555555555p-5",
        "-0x1.6c16c16c16966p-10",
        "0x1.a01a019f4e867p-16",
        "-0x1.27e4fa17a41b4p-22",
        "0x1.1eeb68b109173p-29",
        "-0x1.907d7aebd5e3dp-37",
    )
]


def _reduced(x):
    """Return y and its rounding error in [-pi/4, pi/4], and the bits of k, with x = k pi/2 + y."""
    shifted = x * _TWO_OVER_PI + ROUND
    k = shifted - ROUND
    first = x - k * _HALF_PI[0]  # exact
    second = k * _HALF_PI[1]  # exact
    total = first - second
    taken = first - total
    # Where x is near a multiple of pi/2, first and second cancel, so what the difference lost must be whole.
    lost = (first - (total + taken)) + (taken - second) - k * _HALF_PI[2]
    y = total + lost
    return y, (total - y) + lost, shifted.bits()


def _sin(y, error):
    """Return the sine in two parts, the second small."""
    z = y * y
    return y, y * z * polynomial(z, _SIN_TAIL) + error * (1.0 - 0.5 * z)


def _cos(y, error):
    """Return the cosine in two parts."""
    z = y * y
    half = 0.5 * z
    start = 1.0 - half
    return start, ((1.0 - start) - half) + (z * z * polynomial(z, _COS_TAIL) - y * error)


def _sine_of_turned(x, quarters):
    """Return sin(x + quarters pi/2)."""
    y, error, k = _reduced(x)
    k = k + quarters
    (sine, sine_rest), (cosine, cosine_rest) = _sin(y, error), _cos(y, error)
    result = k.any_bit(1).choose(cosine + cosine_rest, sine + sine_rest)
    return (result.bits() ^ ((k & 2) << 62)).real()


def _tan(x):
    y, error, k = _reduced(x)
    odd = k.any_bit(1)
    (sine, sine_rest), (cosine, cosine_rest) = _sin(y, error), _cos(y, error)
    over, over_rest = odd.choose(cosine, sine), odd.choose(cosine_rest, sine_rest)
    under, under_rest = odd.choose(sine, cosine), odd.choose(sine_rest, cosine_rest)
    top, bottom = over + over_rest, under + under_rest
    quotient = top / bottom
    # what the two roundings lost
    lost = ((over - top) + over_rest) - quotient * ((under - bottom) + under_rest)
    result = ((quotient + lost / bottom).bits() ^ ((k & 1) << 63)).real()
    return x.equals(0.0).choose(x, result)  # for the sign of 0


def _register_widths():
    """Return how many doubles the vector registers hold that Numba may use."""
    if config.CPU_NAME:
        return [2, 4, 8]  # the user has named a processor, of which little is known here
    try:
        features = llvm.get_host_cpu_features()
    except RuntimeError:  # not known for this system
        features = {}
    if features.get("avx512f"):
        return [4, 8]  # compilers often keep to half the register
    return [4] if features.get("avx") else [2]


def _define(module, type_, name, formula):
    """Add the function of a double, or of a vector of doubles, to a module."""
    lanes = range(type_.count) if isinstance(type_, ir.VectorType) else ()
    function = ir.Function(module, ir.FunctionType(type_, [type_]), f"fastmle_{name}_{len(lanes)}")
    function.linkage = "linkonce_odr"  # more than one function of a program may bring it along
    for attribute in ("noinline", "nounwind", "readnone", "willreturn"):
        set.add(function.attributes, attribute)  # of which llvmlite does not know the last
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    x = Real(builder, function.args[0])
    result = formula(x)
    small = x.magnitude() < _LARGE
    with builder.if_then(small.all(), likely=True):
        builder.ret(result.value)
    library = cgutils.get_or_insert_function(module, ir.FunctionType(DOUBLE, [DOUBLE]), name)
    if lanes:
        exact = ir.Constant(type_, ir.Undefined)
        for lane in lanes:
            index = ir.Constant(ir.IntType(32), lane)
            value = builder.call(library, [builder.extract_element(x.value, index)])
            exact = builder.insert_element(exact, value, index)
    else:
        exact = builder.call(library, [x.value])
    builder.ret(small.choose(result, Real(builder, exact)).value)
    return function


def _keep(module, functions):
    """Have LLVM keep functions that nobody calls yet."""
    pointer = ir.IntType(8).as_pointer()
    name = "llvm.compiler.used"
    kept = [f.bitcast(pointer) for f in functions]
    if name in module.globals:
        kept = list(module.globals[name].initializer.constant) + kept
        table = module.globals[name]
        table.value_type = ir.ArrayType(pointer, len(kept))
        table.type = table.value_type.as_pointer()
    else:
        table = ir.GlobalVariable(module, ir.ArrayType(pointer, len(kept)), name)
        table.linkage = "appending"
        table.section = "llvm.metadata"
    table.initializer = ir.Constant(table.value_type, kept)


def call(x, name, formula):
    """Append a call of the function ``name``, and with the first one to a module the function."""
    module = x.builder.module
    function = module.globals.get(f"fastmle_{name}_0")
    if function is None:
        function = _define(module, DOUBLE, name, formula)
        wide = [_define(module, ir.VectorType(DOUBLE, n), name, formula) for n in _register_widths()]
        variants = ",".join(f"_ZGV_LLVM_N{w.args[0].type.count}v_{function.name}({w.name})" for w in wide)
        set.add(function.attributes, f'"vector-function-abi-variant"="{variants}"')
        _keep(module, wide)
    return Real(x.builder, x.builder.call(function, [x.value]))


def sin(x):
    """Return the sine."""
    return call(x, "sin", lambda x: x.equals(0.0).choose(x, _sine_of_turned(x, 0)))


def cos(x):
    """Return the cosine."""
    return call(x, "cos", lambda x: _sine_of_turned(x, 1))


def tan(x):
    """Return the tangent."""
    return call(x, "tan", _tan)
