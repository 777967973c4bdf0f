"""Which instruction-set levels this processor has, and what compiled this build."""

cdef extern from "src/levels.h":
    enum: N_LEVELS
    const char** LEVEL_NAMES
    const char* FASTMLE_COMPILER
    bint cpu_has_level(int)


def available_levels():
    """Return the levels that this processor has, as a dict from name to number, the lowest first."""
    return {LEVEL_NAMES[level].decode(): level for level in range(N_LEVELS) if cpu_has_level(level)}


def compiler():
    """Return the name and version of the compiler of this build."""
    return FASTMLE_COMPILER.decode()
