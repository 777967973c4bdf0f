"""Real numbers in LLVM IR, written as formulas.

A :class:`Real` holds a double, or a vector of doubles, of a function that is being built; its operators
append instructions. What it appends is what a vector unit of any level has: sums, products, quotients,
comparisons, selections and operations on the 64 bits. There is no fused multiply-add, so that digits agree
across machines, and no conversion between doubles and integers, which AVX2 lacks.
"""

from llvmlite import ir

DOUBLE = ir.DoubleType()
WORD = ir.IntType(64)


def _like(type_, lane):
    """Return the type with this lane that is as wide as ``type_``."""
    return ir.VectorType(lane, type_.count) if isinstance(type_, ir.VectorType) else lane


def _constant(type_, number):
    return ir.Constant(type_, [number] * type_.count if isinstance(type_, ir.VectorType) else number)


class _Value:
    """What numbers and words share: a builder, a value of it, and constants as operands."""

    __slots__ = ("builder", "value")

    def __init__(self, builder, value):
        self.builder = builder
        self.value = value

    def _lift(self, other):
        return other.value if isinstance(other, _Value) else _constant(self.value.type, self._number(other))

    def _append(self, instruction, left, right):
        return type(self)(self.builder, getattr(self.builder, instruction)(left, right))


def _operator(instruction):
    def forward(self, other):
        return self._append(instruction, self.value, self._lift(other))

    def backward(self, other):
        return self._append(instruction, self._lift(other), self.value)

    return forward, backward


def _comparison(relation):
    def compare(self, other):
        return Flag(self.builder, self.builder.fcmp_ordered(relation, self.value, self._lift(other)))

    return compare


class Real(_Value):
    """A double. Comparisons are false where an operand is NaN."""

    __slots__ = ()
    _number = staticmethod(float)

    __add__, __radd__ = _operator("fadd")
    __sub__, __rsub__ = _operator("fsub")
    __mul__, __rmul__ = _operator("fmul")
    __truediv__, __rtruediv__ = _operator("fdiv")
    __lt__ = _comparison("<")
    __gt__ = _comparison(">")
    equals = _comparison("==")

    def constant(self, number):
        return Real(self.builder, self._lift(number))

    def __neg__(self):
        return (self.bits() ^ SIGN).real()

    def bits(self):
        return Word(self.builder, self.builder.bitcast(self.value, _like(self.value.type, WORD)))

    def magnitude(self):
        return (self.bits() & ~SIGN).real()

    def with_sign(self, other):
        """Give a number that is not negative the sign of another."""
        return (self.bits() | other.bits() & SIGN).real()

    def at_least(self, bound):
        """Return the larger of this and ``bound``, NaN where this is NaN."""
        return (self < bound).choose(bound, self)

    def at_most(self, bound):
        return (self > bound).choose(bound, self)


class Word(_Value):
    """The 64 bits of a double, with wrapping arithmetic and logical shifts."""

    __slots__ = ()

    @staticmethod
    def _number(other):
        return other % (1 << 64)

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("sub")
    __and__, __rand__ = _operator("and_")
    __or__, __ror__ = _operator("or_")
    __xor__, __rxor__ = _operator("xor")
    __lshift__, _ = _operator("shl")
    __rshift__, _ = _operator("lshr")

    def real(self):
        return Real(self.builder, self.builder.bitcast(self.value, _like(self.value.type, DOUBLE)))

    def any_bit(self, mask):
        """Whether one of the bits of ``mask`` is set."""
        bits = self & mask
        return Flag(self.builder, self.builder.icmp_unsigned("!=", bits.value, bits._lift(0)))


class Flag(_Value):
    """The outcome of a comparison."""

    __slots__ = ()

    def choose(self, yes, no):
        """Return ``yes`` where the flag is set and ``no`` elsewhere; one of them may be a plain number."""
        real = yes if isinstance(yes, Real) else no
        return Real(self.builder, self.builder.select(self.value, real._lift(yes), real._lift(no)))

    def all(self):
        """Return one flag that tells whether it is set in every lane."""
        type_ = self.value.type
        if not isinstance(type_, ir.VectorType):
            return self.value
        lanes = ir.IntType(type_.count)
        return self.builder.icmp_signed("==", self.builder.bitcast(self.value, lanes), ir.Constant(lanes, -1))


SIGN = 1 << 63
MANTISSA = (1 << 52) - 1
