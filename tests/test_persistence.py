"""Model files: a round trip, and every way in which a file can be bad."""

import json
import os
import pickle
import stat
import sys

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import fastmle
from fastmle import FVSBN, BernoulliMLE, ModelFileError, NotFittedError, load
from fastmle.persistence import FORMAT_VERSION, read_model


@pytest.fixture
def table(random_bits):
    return pd.DataFrame(random_bits(80, 10, 0.4), columns=[f"Frage {j}" for j in range(10)])


@pytest.fixture(params=["fvsbn", "fvsbn-order", "bernoulli"])
def model(request, table):
    return {
        "fvsbn": FVSBN(alpha=0.3, tol=1e-8, n_jobs=2),
        "fvsbn-order": FVSBN(order=np.arange(10)[::-1], binarize=0.5, random_state=4),
        "bernoulli": BernoulliMLE(smoothing=1.0),
    }[request.param].fit(table)


def assert_same(first, second, table):
    assert type(first) is type(second)
    assert {k: np.asarray(v).tolist() for k, v in first.get_params().items()} == {
        k: np.asarray(v).tolist() for k, v in second.get_params().items()
    }
    fitted = [name for name in vars(first) if name.endswith("_")]
    assert fitted
    for name in fitted:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert type(getattr(first, name)) is type(getattr(second, name))
    np.testing.assert_array_equal(first.score_samples(table), second.score_samples(table))
    np.testing.assert_array_equal(first.sample(5, random_state=0), second.sample(5, random_state=0))


def test_round_trip(model, table, tmp_path):
    path = tmp_path / "model.any-ending"
    model.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.any-ending"]  # exactly path, nothing beside it
    assert_same(model, load(path), table)
    assert_same(model, load(str(path)), table)
    with safe_open(path, framework="np") as file:
        assert file.metadata()["library_version"] == fastmle.__version__


def test_pickling(model, table):
    assert_same(model, pickle.loads(pickle.dumps(model)), table)


def test_loaded_model_checks_names_and_refits(model, table, tmp_path):
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    with pytest.raises(ValueError, match="feature names should match"):
        again.score(table.rename(columns={"Frage 3": "Frage x"}))
    before = again.score(table)
    assert again.fit(table).score(table) == pytest.approx(before, abs=1e-6)


def test_saving_replaces_whole_files(model, tmp_path):
    path = tmp_path / "m"
    path.write_text("an older model")
    model.save(path)
    load(path)
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_unfitted_models_are_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        FVSBN().save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_unwritable_paths(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="existing folder"):
        model.save(tmp_path / "nowhere" / "m")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        model.save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "m"
    model.save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastmle.persistence.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_truncated_files(model, tmp_path):
    path = tmp_path / "m"
    model.save(path)
    content = path.read_bytes()
    for length in (0, 5, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match="no fastmle model file, or it is damaged"):
            load(path)


def test_foreign_files(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(pickle.dumps({"coef_": [1]}))
    with pytest.raises(ModelFileError, match="no fastmle model file"):
        load(path)
    save_file({"weights": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="no fastmle model"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")
    with pytest.raises(OSError, match="directory"):
        load(tmp_path)


def rewrite(path, *, arrays=None, version=FORMAT_VERSION, **changes):
    """Write the model file at path again with parts changed."""
    held, description = read_model(path)
    description |= changes
    metadata = {
        "format": "fastmle-model",
        "format_version": str(version),
        "description": json.dumps(description),
    }
    save_file(held if arrays is None else arrays, path, metadata)


def test_newer_formats_and_unknown_estimators(model, tmp_path):
    path = tmp_path / "m"
    model.save(path)
    rewrite(path, version=FORMAT_VERSION + 1)
    with pytest.raises(ModelFileError, match="upgrade fastmle"):
        load(path)
    model.save(path)
    rewrite(path, estimator="Oracle")
    with pytest.raises(ModelFileError, match=r"'Oracle'.*upgrade fastmle"):
        load(path)


def test_inconsistent_content(model, tmp_path):
    path = tmp_path / "m"
    model.save(path)
    arrays, description = read_model(path)
    rewrite(path, arrays={name: a[:3] for name, a in arrays.items()})
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)
    model.save(path)
    rewrite(path, arrays={"coef_": np.zeros((10, 10))})
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)
    model.save(path)
    rewrite(path, params=description["params"] | {"depth": 3})
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)
