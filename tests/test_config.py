"""The configuration tells the truth about this installation, in words and as a dict."""

import io
import json
import os
import platform

import joblib
import numpy as np
import pytest
import threadpoolctl

import fastmle
from fastmle import config, kernels, show_config


def printed():
    """Return what is printed, as a dict from the name of each line to its text."""
    file = io.StringIO()
    assert show_config(file) is None
    text = file.getvalue()
    assert text.endswith("\n")
    facts = {}
    for line in text.splitlines():
        what, fact = line.split("  ", 1)
        facts[what] = fact.strip()
    return facts


@pytest.fixture
def cache_folder(tmp_path, monkeypatch):
    """A function that makes a folder of caches as Linux has it, from (level, type, size) each."""
    monkeypatch.setattr(config, "_CACHE_FOLDER", tmp_path)

    def make(*caches):
        for number, texts in enumerate(caches):
            folder = tmp_path / f"index{number}"
            folder.mkdir()
            for name, text in zip(("level", "type", "size"), texts, strict=True):
                if text is not None:
                    (folder / name).write_text(f"{text}\n")

    return make


def test_the_dict_says_what_is_installed():
    known = show_config(mode="dict")
    assert known["fastmle"] == fastmle.__version__
    assert known["python"].startswith(platform.python_version())
    assert known["compiler"] == kernels.compiler()
    assert known["available_levels"] == list(kernels.available_levels())
    assert known["processors"] == os.cpu_count()
    assert known["usable_processors"] == joblib.effective_n_jobs(-1)
    assert known["tile_rows"] == 4096
    assert known["packages"]["NumPy"] == np.__version__
    assert list(known["packages"]) == ["NumPy", "SciPy", "scikit-learn"]
    assert json.loads(json.dumps(known)) == known  # plain


def test_tiles_have_the_size_that_is_shown():
    bits = fastmle.BitMatrix.from_array(np.zeros((9000, 1), dtype=np.uint8))
    assert bits.tile(0).shape[1] == show_config(mode="dict")["tile_rows"]


def test_printed_lines(capsys):
    show_config()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["fastmle", fastmle.__version__]
    names = ["fastmle", "Python", "platform", "compiler", "instruction set", "processors", "threads"]
    names += ["caches", "tile", "NumPy", "SciPy", "scikit-learn", "BLAS"]
    assert [name for name in printed() if name != "FASTMLE_LEVEL"] == names
    # One fact a line, and all facts in one column.
    start = lines[0].index(fastmle.__version__)
    for line in lines:
        assert line.isascii()
        assert line[start - 1] == " "
        assert line[start] != " "


def test_the_level_in_use(level):
    assert show_config(mode="dict")["level"] == level
    assert printed()["instruction set"] == f"{level} (available: {', '.join(kernels.available_levels())})"


def test_a_forced_level_is_mentioned(monkeypatch):
    monkeypatch.delenv("FASTMLE_LEVEL", raising=False)
    assert show_config(mode="dict")["FASTMLE_LEVEL"] is None
    assert "FASTMLE_LEVEL" not in printed()
    monkeypatch.setenv("FASTMLE_LEVEL", "baseline")
    assert show_config(mode="dict")["FASTMLE_LEVEL"] == "baseline"
    assert printed()["FASTMLE_LEVEL"] == "baseline"


def test_default_threads_are_those_of_the_context():
    assert show_config(mode="dict")["default_threads"] == 1
    with joblib.parallel_config("threading", n_jobs=3):
        assert show_config(mode="dict")["default_threads"] == 3
        assert printed()["threads"] == "3 by default"


def test_caches(cache_folder):
    cache_folder(
        (1, "Data", "48K"), (1, "Instruction", "32K"), (2, "Unified", "1280K"), (3, "Unified", "32M")
    )
    assert show_config(mode="dict")["cache_bytes"] == {
        "L1 data": 48 * 2**10,
        "L1 instruction": 32 * 2**10,
        "L2": 1280 * 2**10,
        "L3": 32 * 2**20,
    }
    assert printed()["caches"] == "L1 data 48 KiB, L1 instruction 32 KiB, L2 1280 KiB, L3 32 MiB"


def test_caches_of_unknown_size_are_left_out(cache_folder):
    cache_folder((1, "Data", None), (2, "Unified", ""), (2, "Unified", "12T"), (3, "Unified", "512"))
    assert show_config(mode="dict")["cache_bytes"] == {"L3": 512}
    assert printed()["caches"] == "L3 512 bytes"


def test_without_the_folder_of_linux(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "_CACHE_FOLDER", tmp_path / "missing")
    assert show_config(mode="dict")["cache_bytes"] == {}
    assert printed()["caches"] == "unknown"


def test_an_unknown_number_of_processors(monkeypatch):
    monkeypatch.setattr(config, "effective_n_jobs", lambda n_jobs: 1)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert printed()["processors"] == "unknown (usable by this process: 1)"


def test_threads_of_blas(monkeypatch):
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert {blas["threads"] for blas in show_config(mode="dict")["blas"]} <= {1}
    library = {"user_api": "blas", "internal_api": "openblas", "version": "0.3", "num_threads": 5}
    other = {"user_api": "openmp", "internal_api": "openmp", "version": None, "num_threads": 7}
    monkeypatch.setattr(config, "threadpool_info", lambda: [other, library])
    assert show_config(mode="dict")["blas"] == [{"name": "openblas", "version": "0.3", "threads": 5}]
    assert printed()["BLAS"] == "openblas 0.3 (threads: 5)"
    monkeypatch.setattr(config, "threadpool_info", lambda: [other])
    assert printed()["BLAS"] == "unknown"


def test_another_mode_is_an_error():
    with pytest.raises(ValueError, match="mode must be 'text' or 'dict', got 'dicts'"):
        show_config(mode="dicts")
