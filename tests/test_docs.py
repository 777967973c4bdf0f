"""The examples in docstrings and in the README run and print what they say."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import fastmle

README = Path(__file__).parents[1] / "README.md"
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


def test_readme_python(tmp_path, monkeypatch):
    if not README.exists():
        pytest.skip("the README is not beside the tests")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    parser = doctest.DocTestParser()
    names = {}
    for number, block in enumerate(blocks):
        example = parser.get_doctest(block, names, f"README block {number}", str(README), 0)
        assert example.examples, "a Python block of the README is written as a doctest"
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        runner.run(example, clear_globs=False)
        names = example.globs
        assert runner.summarize(verbose=False).failed == 0
