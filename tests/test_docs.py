"""The examples in docstrings, in the README and in the guides run and print what they say."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot

import fastmle

mpl.use("Agg")
ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "docs/monte_carlo.md", "docs/information.md", "docs/from_coin_to_nade.md"]
MODULES = ["fastmle", *(m.name for m in pkgutil.walk_packages(fastmle.__path__, "fastmle."))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_docstring_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples may write files
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("name", fastmle.__all__)
def test_public_objects_have_examples(name):
    thing = getattr(fastmle, name)
    if callable(thing) and not (isinstance(thing, type) and issubclass(thing, BaseException)):
        assert ">>>" in thing.__doc__, f"{name} has no example"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_python_in_documents(name, tmp_path, monkeypatch):
    document = ROOT / name
    if not document.exists():
        pytest.skip("the documents are not beside the tests")
    blocks = re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    parser = doctest.DocTestParser()
    names = {}
    for number, block in enumerate(blocks):
        example = parser.get_doctest(block, names, f"{name} block {number}", str(document), 0)
        assert example.examples, "a Python block of a document is written as a doctest"
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        runner.run(example, clear_globs=False)
        names = example.globs
        pyplot.close("all")
        assert runner.summarize(verbose=False).failed == 0


def test_the_figure_of_the_guide(tmp_path):
    """The script that makes picture and table runs, and measures what the theory says."""
    script = ROOT / "tools" / "monte_carlo_figure.py"
    if not script.exists():
        pytest.skip("the tools are not beside the tests")
    output = tmp_path / "figure.png"
    command = [sys.executable, str(script), "--samples", str(2**14), "--output", str(output)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    table = [line.strip("| ").split(" | ") for line in process.stdout.splitlines()[2:]]
    guide = (ROOT / "docs" / "monte_carlo.md").read_text(encoding="utf-8")
    for name, theory, measured in table:
        assert f"| {name} | {theory} |" in guide
        assert 0.7 < float(measured) / float(theory) < 1.4
    assert output.read_bytes().startswith(b"\x89PNG")


def test_the_figures_of_the_guide_to_nade(tmp_path):
    """The script that makes pictures and table runs, and its table is that of the guide."""
    script = ROOT / "tools" / "coin_to_nade_figures.py"
    if not script.exists():
        pytest.skip("the tools are not beside the tests")
    command = [sys.executable, str(script), "--rows", "500", "--epochs", "3", "--output", str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    guide = (ROOT / "docs" / "from_coin_to_nade.md").read_text(encoding="utf-8")
    scores = {}
    for line in process.stdout.splitlines()[2:]:
        name, _, score = line.strip("| ").split(" | ")
        assert f"| {name} |" in guide
        scores[name] = float(score)
    assert scores["independent columns"] < scores["FVSBN, adamw"] < scores["FVSBN, batch"] + 0.5
    for name in ("trajectories", "training_curves", "gradient_noise"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"](images/{name}.png)" in guide
