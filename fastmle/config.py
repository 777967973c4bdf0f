"""What this installation is, and the machine it runs on."""

import os
import platform
from importlib import metadata
from pathlib import Path

from threadpoolctl import threadpool_info

from . import kernels
from ._version import __version__
from .data.bitmatrix import TILE_ROWS
from .engine import effective_n_jobs

_CACHE_FOLDER = Path("/sys/devices/system/cpu/cpu0/cache")  # Linux alone has it
_PACKAGES = {"NumPy": "numpy", "SciPy": "scipy", "scikit-learn": "scikit-learn"}
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def show_config(file=None, *, mode="text"):
    """Print the version, build and machine: what a report of an error or of a speed should include.

    Parameters
    ----------
    file : text file or None, default=None
        Where to print; None is standard output. It is not used with ``mode="dict"``.
    mode : {"text", "dict"}, default="text"
        Print lines for people, or return a dict for programs.

    Returns
    -------
    dict or None
        None with ``mode="text"``. The dict holds only strings, integers, None, lists and dicts; sizes of
        caches are in bytes, by level and type, with no entry where the size is unknown.

    Raises
    ------
    ValueError
        If `mode` is another one.

    Notes
    -----
    The processors that the process may use are those that its CPU affinity and cgroup quota allow; they
    are the threads of ``n_jobs=-1``. The default threads are those of ``n_jobs=None``. Caches are those
    of the first processor, as Linux knows them.

    Examples
    --------
    >>> import fastmle
    >>> fastmle.show_config()
    fastmle          ...
    Python           ...
    platform         ...
    compiler         ...
    instruction set  ...
    >>> fastmle.show_config(mode="dict")["tile_rows"]
    4096
    """
    if mode not in ("text", "dict"):
        raise ValueError(f"mode must be 'text' or 'dict', got {mode!r}")
    config = _config()
    if mode == "dict":
        return config
    lines = _lines(config)
    width = max(map(len, lines))
    print("\n".join(f"{what:{width}}  {fact}" for what, fact in lines.items()), file=file)
    return None


def _config():
    blas = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return {
        "fastmle": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "compiler": kernels.compiler(),
        "level": kernels.level_in_use(),
        "available_levels": list(kernels.available_levels()),
        "FASTMLE_LEVEL": os.environ.get("FASTMLE_LEVEL") or None,
        "processors": os.cpu_count(),
        "usable_processors": effective_n_jobs(-1),
        "default_threads": effective_n_jobs(None),
        "cache_bytes": _cache_bytes(),
        "tile_rows": TILE_ROWS,
        "packages": {name: metadata.version(package) for name, package in _PACKAGES.items()},
        "blas": [
            {"name": info["internal_api"], "version": info["version"], "threads": info["num_threads"]}
            for info in blas
        ],
    }


def _cache_bytes():
    """Return the size of every cache whose size is known, as {"L1 data": bytes, "L2": bytes}."""
    sizes = {}
    for folder in sorted(_CACHE_FOLDER.glob("index*")):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
            number = size.rstrip("KMG")
            n_bytes = int(number) * _UNITS[size[len(number) :]]
        except (OSError, ValueError, KeyError):
            continue  # some machines leave the size out
        sizes[f"L{level}" if kind == "Unified" else f"L{level} {kind.lower()}"] = n_bytes
    return sizes


def _lines(config):
    """Return what :func:`show_config` prints, in words, by name."""
    lines = {name: config[name.lower()] for name in ("fastmle", "Python", "platform", "compiler")}
    lines["instruction set"] = f"{config['level']} (available: {', '.join(config['available_levels'])})"
    if config["FASTMLE_LEVEL"]:
        lines["FASTMLE_LEVEL"] = config["FASTMLE_LEVEL"]
    installed = "unknown" if config["processors"] is None else config["processors"]
    lines["processors"] = f"{installed} (usable by this process: {config['usable_processors']})"
    lines["threads"] = f"{config['default_threads']} by default"
    caches = [f"{name} {_size_text(n_bytes)}" for name, n_bytes in config["cache_bytes"].items()]
    lines["caches"] = ", ".join(caches) or "unknown"
    lines["tile"] = f"{config['tile_rows']} rows"
    libraries = [f"{blas['name']} {blas['version']} (threads: {blas['threads']})" for blas in config["blas"]]
    return lines | config["packages"] | {"BLAS": ", ".join(libraries) or "unknown"}


def _size_text(n_bytes):
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if n_bytes >= size and n_bytes % size == 0:
            return f"{n_bytes // size} {unit}"
    return f"{n_bytes} bytes"
