"""Build of the compiled kernels; everything else is declared in pyproject.toml.

FASTMLE_DEBUG=1 turns on bounds checks and line tracing information for a development build.
"""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("FASTMLE_DEBUG", "0") not in ("", "0")
LEVELS = ("baseline", "avx2", "avx512")
LEVEL_HEADERS = ("levels.h", "target_avx2.h", "target_avx512.h")
BITS_PARTS = "count", "level", "lines", "pack", "rows"
RANDOM_PARTS = "correlated", "fills", "functions", "level", "words"
NADE_PARTS = "coarse", "gradient", "level", "loops", "pairs", "sigmoid"
FVSBN_PARTS = "buckets", "level", "lines", "lists", "odds", "passes", "sample", "sums", "terms"
KERNELS = {
    "_bits": [
        *(f"bits_{level}.c" for level in LEVELS),
        "bits.h",
        *(f"bits_{part}.h" for part in BITS_PARTS),
        *LEVEL_HEADERS,
    ],
    "_distinct": [],
    "_fvsbn": [
        *(f"fvsbn_{level}.c" for level in LEVELS),
        "elementary.h",
        "fvsbn.h",
        *(f"fvsbn_{part}.h" for part in FVSBN_PARTS),
        *LEVEL_HEADERS,
    ],
    "_information": [
        *(f"information_{level}.c" for level in LEVELS),
        *("elementary.h", "information.h", "information_level.h", "information_terms.h", *LEVEL_HEADERS),
    ],
    "_levels": ["levels.h"],
    "_linear_algebra": [],
    "_nade": [
        *(f"nade_{level}.c" for level in LEVELS),
        "elementary.h",
        "nade.h",
        *(f"nade_{part}.h" for part in NADE_PARTS),
        *LEVEL_HEADERS,
    ],
    "_optimizers": [
        *(f"optimizers_{level}.c" for level in LEVELS),
        *("optimizers.h", "optimizers_level.h", "optimizers_loops.h", *LEVEL_HEADERS),
    ],
    "_quasi_newton": [],
    "_random": [
        *(f"random_{level}.c" for level in LEVELS),
        "random.h",
        *(f"random_{part}.h" for part in RANDOM_PARTS),
        *LEVEL_HEADERS,
    ],
    "_summaries": [
        *(f"summaries_{level}.c" for level in LEVELS),
        *("summaries.h", "summaries_level.h", *LEVEL_HEADERS),
    ],
}

if sys.platform == "win32":
    COMPILE_ARGS = ["/Od", "/Zi"] if DEBUG else ["/O2"]
else:
    # Contraction is off because a fused multiply-add in some lanes only would make a row's score depend
    # on its place. The flags behind it let loops with selection be vectorised; the last two (ignored by
    # other compilers) keep gcc from splitting those into a copy for clamped arguments, and from taking
    # the loop over lanes apart in favour of the one around it.
    COMPILE_ARGS = [
        *(["-O0", "-g"] if DEBUG else ["-O3"]),
        "-fopenmp-simd",
        "-ffp-contract=off",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fno-signed-zeros",
        "-fno-tree-pre",
        "-fno-loop-unroll-and-jam",
    ]

extensions = [
    Extension(
        f"fastmle.kernels.{name}",
        [
            f"fastmle/kernels/{name}.pyx",
            *(f"fastmle/kernels/src/{file}" for file in files if file.endswith(".c")),
        ],
        depends=[f"fastmle/kernels/src/{file}" for file in files if file.endswith(".h")],
        include_dirs=["fastmle/kernels"],
        extra_compile_args=COMPILE_ARGS,
    )
    for name, files in KERNELS.items()
]

setup(
    ext_modules=cythonize(
        extensions,
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "embedsignature": True,
        },
    )
)
