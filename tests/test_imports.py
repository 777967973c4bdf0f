"""Imports run downward only: the rooms of the house (see CONTRIBUTING) and what each may touch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastmle

ROOT = Path(fastmle.__file__).parent
COMPILED = {f"fastmle.kernels.{file.stem}" for file in (ROOT / "kernels").glob("*.pyi")}

# What the modules of a room import of the project, besides their own room and what may be imported
# anywhere. `__init__` is fastmle itself. Nothing inside imports what stands on top.
ANYWHERE = {"exceptions", "_version"}
INSIDE = {
    "exceptions": set(),
    "_version": set(),
    "kernels": set(),
    "engine": {"kernels"},
    "memory": set(),
    "data": {"kernels", "engine"},
    "lists": {"data", "engine", "kernels"},
    "likelihood": {"data", "engine", "kernels", "lists", "memory"},
    "network": {"data", "engine", "kernels", "memory"},
    "network_sampling": {"data", "engine", "kernels", "memory", "network"},
    "conditionals": {"likelihood", "network", "network_sampling"},
    "lines": {"engine", "kernels", "likelihood", "lists", "memory"},
    "montecarlo": {"kernels", "engine", "data"},
    "information": {"kernels", "engine", "montecarlo", "data", "likelihood", "conditionals"},
    "metric": {"kernels", "engine"},
    "objectives": {"kernels", "likelihood", "lists", "data", "engine", "metric"},
    "solvers": {"kernels", "engine"},  # callables only: no data, no objective, no model
    "outputs": set(),
    "persistence": {"outputs"},
    "files": {"data", "outputs"},
    "estimators": {
        *("kernels", "engine", "data", "likelihood", "lines", "network", "conditionals"),
        *("objectives", "solvers", "outputs", "persistence"),
    },
    "noise": {"data", "engine"},  # of a model that it is given
    "config": {"kernels", "engine", "data"},
    "__init__": {"config", "data", "information", "likelihood", "montecarlo", "objectives", "estimators"},
}
ON_TOP = {
    "plotting": set(INSIDE),
    "_console": set(INSIDE),
    "_model_options": {"estimators"},
    "_demo": {*INSIDE, "plotting"},
    "cli": {*INSIDE, "plotting", "_console", "_demo", "_model_options"},
    "__main__": {"cli", "_console"},
}
ALLOWED = INSIDE | ON_TOP
# Slow to import, or not installed everywhere: only functions import them, except where they are named.
LAZY = {"click", "matplotlib", "numba", "pandas", "polars", "pyarrow", "rich"}
AT_THE_TOP = {"cli": {"click", "rich"}, "_console": {"click", "rich"}, "_model_options": {"click"}}
# Modules that only functions import, and what that lets them have at their top.
IMPORTED_LATE = {
    "fastmle.montecarlo._compiler": {"numba"},
    "fastmle.montecarlo._trigonometry": {"numba"},
    "fastmle.montecarlo.elementary": {"numba"},
}


def modules():
    """Return the names and files of all Python modules of the package."""
    names = {}
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


MODULES = modules()


def imported(source, package):
    """Return the modules of the project that a source imports, at its top or anywhere inside."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            outer = package.split(".")
            base = outer[: len(outer) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            # A name imported from a package is a module of it, or else something that it defines.
            children = {f"{base}.{alias.name}" for alias in node.names}
            modules = {child for child in children if child in MODULES or child in COMPILED}
            found |= modules if len(modules) == len(node.names) else modules | {base}
    return {name for name in found if name.split(".")[0] == "fastmle"}


def room(module):
    return module.split(".")[1] if "." in module else "__init__"


def imports_of(module):
    file = MODULES[module]
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    return imported(file.read_text(encoding="utf-8"), package)


def test_every_module_has_a_room():
    unknown = sorted({room(module) for module in MODULES} - set(ALLOWED))
    assert not unknown, f"add {unknown} to the table in tests/test_imports.py, and say what they may import"


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downward(module):
    own = room(module)
    allowed = ALLOWED.get(own, set()) | (set() if own in ("kernels", *ANYWHERE) else ANYWHERE)
    wrong = {room(name) for name in imports_of(module)} - allowed - {own}
    assert not wrong, f"{module} imports {sorted(wrong)}; {own} may import {sorted(allowed)}"


def test_compiled_modules_are_imported_in_one_place():
    assert COMPILED, "no .pyx files: this test is looking in the wrong place"
    importing = {module for module in MODULES if imports_of(module) & COMPILED}
    assert importing == {"fastmle.kernels"}
    assert imports_of("fastmle.kernels") >= COMPILED


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("import numpy, os.path", "fastmle", set()),
        ("import fastmle.data as d", "fastmle.solvers", {"fastmle.data"}),
        ("from fastmle import kernels", "fastmle.solvers", {"fastmle.kernels"}),
        ("from fastmle import BitMatrix, load", "fastmle.solvers", {"fastmle"}),
        ("from .. import kernels, load", "fastmle.solvers", {"fastmle.kernels", "fastmle"}),
        ("from . import likelihood", "fastmle", {"fastmle.likelihood"}),
        ("from ..data.bitmatrix import TILE_ROWS", "fastmle.solvers", {"fastmle.data.bitmatrix"}),
        ("from .quasi_newton import minimize_rows", "fastmle.solvers", {"fastmle.solvers.quasi_newton"}),
        ("from ..kernels._bits import pack_rows", "fastmle.data", {"fastmle.kernels._bits"}),
        ("def f():\n    if 1:\n        from ..engine import map_units", "fastmle.data", {"fastmle.engine"}),
    ],
)
def test_the_parser_finds_imports(source, package, expected):
    assert imported(source, package) == expected


def at_import(node):
    """Yield the statements and expressions that run when a module is imported."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from at_import(child)


@pytest.mark.parametrize("module", MODULES)
def test_slow_and_optional_packages_are_imported_by_functions(module):
    found = set()
    for node in at_import(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    assert not found & LAZY - AT_THE_TOP.get(room(module), set()) - IMPORTED_LATE.get(module, set())


def test_the_library_imports_without_any_of_them():
    # scikit-learn itself imports some where it finds them; here it finds none.
    code = f"import sys; sys.modules.update(dict.fromkeys({sorted(LAZY)})); import fastmle"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
