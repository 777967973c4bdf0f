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
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        model.save(tmp_path / "nowhere" / "m")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        model.save(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX files")
def test_links_are_followed_and_pipes_left_alone(model, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    model.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    load(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        model.save(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_a_failed_write_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "m"
    model.save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastmle.outputs.os.fsync", full)
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


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays | {"coef_": np.full((10, 10), np.nan)},
        lambda arrays: arrays | {"coef_": np.full((10, 10), np.inf)},
        lambda arrays: arrays | {"coef_": np.zeros((10, 10), dtype=np.float32)},
        lambda arrays: arrays | {"intercept_": np.full(10, np.nan)},
        lambda arrays: arrays | {"order_": np.zeros(10, dtype=np.int64)},
        lambda arrays: arrays | {"order_": np.arange(10) + 5},
    ],
)
def test_arrays_that_make_no_model(table, tmp_path, change):
    path = tmp_path / "m"
    FVSBN().fit(table).save(path)
    arrays, _ = read_model(path)
    rewrite(path, arrays=change(arrays))
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"feature_names": ["only one"]},
        {"feature_names": [1] * 10},
        {"params": {"alpha": "x"}},
        {"params": None},
        {"scalars": {}},
        {"scalars": {"n_features_in_": 9, "n_iter_": 1, "converged_": True}},
    ],
)
def test_descriptions_that_make_no_model(table, tmp_path, change):
    path = tmp_path / "m"
    FVSBN().fit(table).save(path)
    rewrite(path, **change)
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)


def test_description_that_is_no_object(tmp_path):
    metadata = {"format": "fastmle-model", "format_version": "1", "description": "[]"}
    save_file({"coef_": np.zeros((2, 2))}, tmp_path / "m", metadata)
    with pytest.raises(ModelFileError, match="no JSON object"):
        load(tmp_path / "m")


@pytest.mark.parametrize("order", [range(9, -1, -1), pd.Series(range(10)), np.arange(10, dtype=np.int32)])
def test_orders_of_any_kind_are_kept(table, tmp_path, order):
    model = FVSBN(order=order).fit(table)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    np.testing.assert_array_equal(again.order, order)
    np.testing.assert_array_equal(again.fit(table).coef_, model.coef_)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_the_mode_of_an_older_file_is_kept(model, tmp_path):
    model.save(tmp_path / "m")
    (tmp_path / "m").chmod(0o600)
    model.save(tmp_path / "m")
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o600
