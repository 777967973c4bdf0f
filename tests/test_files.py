"""Tables in files: what is written is read back, and what is damaged is named."""

import errno
import gzip
import os
import pickle
import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import scipy.sparse

import fastmle.files
from fastmle import BitMatrix
from fastmle.files import read_table, table_ending, write_table
from fastmle.outputs import check_writable

ENDINGS = [".npy", ".npz", ".csv", ".csv.gz", ".parquet"]


@pytest.fixture
def bits():
    return (np.random.default_rng(0).random((50, 11)) < 0.4).astype(np.uint8)


@pytest.fixture
def names():
    return [f"item {j}" for j in range(11)]


def write_text(path, text):
    path.write_bytes(text.encode())
    return path


# What is written is read back


@pytest.mark.parametrize("ending", ENDINGS)
def test_round_trip_without_names(tmp_path, bits, ending):
    path = tmp_path / f"rows{ending}"
    write_table(path, bits)
    table = read_table(path)
    assert isinstance(table, np.ndarray)
    np.testing.assert_array_equal(table, bits)


@pytest.mark.parametrize("ending", ENDINGS[1:])
def test_round_trip_with_names(tmp_path, bits, names, ending):
    path = tmp_path / f"rows{ending}"
    write_table(path, bits, np.asarray(names, dtype=object))
    packed = BitMatrix.from_array(read_table(path))
    assert list(packed.feature_names) == names
    np.testing.assert_array_equal(packed.to_array(), bits)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_column_of_scores_keeps_every_digit(tmp_path, ending):
    scores = np.append(np.random.default_rng(1).normal(-20, 5, 30), -np.inf)
    path = tmp_path / f"scores{ending}"
    write_table(path, scores, ["log_likelihood"])
    if ending in (".npy", ".npz"):
        loaded = np.load(path)
        np.testing.assert_array_equal(loaded["X"] if ending == ".npz" else loaded, scores)
    else:
        table = read_table(path)
        assert table.column_names == ["log_likelihood"]
        np.testing.assert_array_equal(table["log_likelihood"].to_numpy(), scores)


def test_bit_matrix_can_be_written(tmp_path, bits):
    write_table(tmp_path / "rows.npy", BitMatrix.from_array(bits))
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), bits)


def test_same_rows_make_the_same_compressed_bytes(tmp_path, bits):
    contents = []
    for name in ("first", "second"):
        write_table(tmp_path / f"{name}.csv.gz", bits)
        contents.append((tmp_path / f"{name}.csv.gz").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0][4:8] == bytes(4)  # no time of writing


def test_endings_in_capitals():
    assert table_ending("a/B.NPZ") == ".npz"
    assert table_ending("a.csv.GZ") == ".csv.gz"


# Arrays


def test_npy_is_mapped_and_read_only(tmp_path, bits):
    np.save(tmp_path / "rows.npy", bits)
    table = read_table(tmp_path / "rows.npy")
    assert isinstance(table, np.memmap)
    assert not table.flags.writeable


def test_packed_archive(tmp_path, bits, names):
    splits = {"train": bits[:30], "valid": bits[30:40], "test": bits[40:]}
    packed = {key: np.packbits(rows, axis=1, bitorder="little") for key, rows in splits.items()}
    np.savez(tmp_path / "rows.npz", n_features=11, feature_names=names, **packed)
    for key, rows in splits.items():
        table = read_table(tmp_path / "rows.npz", key=key)
        assert isinstance(table, BitMatrix)
        np.testing.assert_array_equal(table.to_array(), rows)
        assert list(table.feature_names) == names
    assert read_table(tmp_path / "rows.npz").shape == (30, 11)
    assert read_table(tmp_path / "rows.npz", preferred=("test",)).shape == (10, 11)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_sparse_archive(tmp_path, bits, kind):
    scipy.sparse.save_npz(tmp_path / "rows.npz", scipy.sparse.csr_array(bits).asformat(kind))
    table = read_table(tmp_path / "rows.npz")
    assert scipy.sparse.issparse(table)
    np.testing.assert_array_equal(table.toarray(), bits)
    with pytest.raises(ValueError, match="single sparse matrix"):
        read_table(tmp_path / "rows.npz", key="data")


def test_which_array_of_an_archive(tmp_path):
    path = tmp_path / "rows.npz"
    np.savez(path, a=np.zeros((1, 2)), X=np.zeros((2, 2)), train=np.zeros((3, 2)))
    assert len(read_table(path)) == 2
    assert len(read_table(path, preferred=("train", "X"))) == 3
    assert len(read_table(path, key="a")) == 1
    np.savez(path, y=np.zeros(3), rows=np.zeros((3, 2)), n=3)
    assert read_table(path).shape == (3, 2)
    np.savez(path, rows=np.zeros((3, 2)))
    assert read_table(path).shape == (3, 2)
    np.savez(path, a=np.zeros((1, 2)), b=np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"choose one by its key: a, b$"):
        read_table(path)
    with pytest.raises(ValueError, match=r"no array 'c'; its arrays are: a, b$"):
        read_table(path, key="c")
    np.savez(path)
    with pytest.raises(ValueError, match="no array"):
        read_table(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros(3)}, r"'X' has shape \(3,\)"),
        ({"X": np.zeros((2, 2), np.uint8), "n_features": 1.5}, "not one integer"),
        ({"X": np.zeros((2, 2), np.uint8), "n_features": [3, 4]}, "not one integer"),
        ({"X": np.zeros((2, 2), np.uint8), "n_features": 3}, r"shape \(n_samples, 1\)"),
        ({"X": np.zeros((2, 2), np.uint8), "feature_names": ["a"]}, "1 feature names for 2 columns"),
    ],
)
def test_archives_that_do_not_fit(tmp_path, arrays, message):
    np.savez(tmp_path / "rows.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "rows.npz")


class Exploit:
    """An object whose unpickling calls a function."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_pickles_are_refused(tmp_path):
    trace = tmp_path / "code ran"
    harmful = np.array([[Exploit(trace), 1]], dtype=object)
    np.save(tmp_path / "a.npy", harmful, allow_pickle=True)
    np.savez(tmp_path / "a.npz", X=harmful)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Exploit(trace)))
    for name in ("a.npy", "a.npz", "b.npy"):
        with pytest.raises(ValueError, match=f"cannot read .*{name}"):
            read_table(tmp_path / name)
    assert not trace.exists()


# Comma-separated values


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0,1\n1,1\n", None),
        ("0,1\r\n1,1\r\n", None),
        ("\ufeff0,1\n1,1\n", None),
        ("0.0,1.0\n1.0,1\n", None),
        ("True,false\nFalse,False\n", None),
        ("1,NA,0\n1,0,0\n", None),
        ("0,1,2\n1,1,1\n0,0,0\n", None),  # pandas counts columns without names
        ("a,b\n0,1\n", ["a", "b"]),
        ("\ufeffa,b\r\n0,1\r\n", ["a", "b"]),
        ("\n\na,b\n0,1\n", ["a", "b"]),
        ('"5","7"\n0,1\n', ["5", "7"]),  # a quoted number is a name
        ('"a,b",c\n0,1\n', ["a,b", "c"]),
        ("rs12,1\n0,1\n", ["rs12", "1"]),
    ],
)
def test_first_line_names_or_values(tmp_path, text, names):
    table = read_table(write_text(tmp_path / "rows.csv", text))
    if names is None:
        assert isinstance(table, np.ndarray)
        assert len(table) == 2
    else:
        assert table.column_names == names
        assert table.to_pydict() == {names[0]: [0], names[1]: [1]}


def test_values_of_text_files(tmp_path):
    np.testing.assert_array_equal(
        read_table(write_text(tmp_path / "rows.csv", "1,NA,0\n0,1,1\n")), [[1, np.nan, 0], [0, 1, 1]]
    )
    np.testing.assert_array_equal(
        read_table(write_text(tmp_path / "rows.csv", "True,False\nFalse,False\n")), [[1, 0], [0, 0]]
    )
    assert read_table(write_text(tmp_path / "rows.csv", "1\n0\n")).dtype == np.uint8


def test_a_fraction_far_down_the_file(tmp_path):
    # More than one block of the parser, which judges types by the first.
    path = write_text(tmp_path / "rows.csv", "a,b\n" + "0,1\n" * 400_000 + "0.25,1\n")
    table = read_table(path)
    assert table.num_rows == 400_001
    assert table["a"][400_000].as_py() == 0.25


def test_a_line_longer_than_a_block(tmp_path):
    rows = (np.random.default_rng(0).random((2, 8000)) < 0.5).astype(np.uint8)
    text = "\n".join(",".join(f"{value}" + "." + "0" * 200 for value in row) for row in rows)
    table = read_table(write_text(tmp_path / "rows.csv", text + "\n"))
    np.testing.assert_array_equal(table, rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("a;b\n0;1\n", "separated by commas"),
        (",a\n0,1\n", "column 0 has no name"),
        ("a,a\n0,1\n", "'a' stands twice"),
        ("a,b\n0,1\n1\n", "Expected 2 columns, got 1"),
        ("0,1\n0,x\n", r"X\[1, 1\] is 'x', which is not a number"),
        ("a,b\n0,1\n1,2020-01-01\n", r"X\[1, 1\] \(column 'b'\) is '2020-01-01'"),
        ("a,b\n0,2020-01-01\n1,2020-01-01\n", r"X\[0, 1\] \(column 'b'\) is '2020-01-01'"),
    ],
)
def test_text_files_that_are_no_table(tmp_path, text, message):
    path = write_text(tmp_path / "rows.csv", text)
    with pytest.raises(ValueError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_column_counts_of_parquet_are_no_names(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"0": [1, 0], "1": [0, 0]}), tmp_path / "rows.parquet")
    np.testing.assert_array_equal(read_table(tmp_path / "rows.parquet"), [[1, 0], [0, 0]])


# Damage


@pytest.mark.parametrize("ending", ENDINGS)
def test_truncated_files(tmp_path, ending):
    whole, part = tmp_path / f"whole{ending}", tmp_path / f"part{ending}"
    noise = np.random.default_rng(0).integers(0, 256, (300, 40), dtype=np.uint8)
    write_table(whole, noise)
    content = whole.read_bytes()
    for size in (0, 3, len(content) // 2):
        if ending == ".csv" and size:  # half a text is a text
            continue
        part.write_bytes(content[:size])
        with pytest.raises(ValueError, match=f"cannot read .*part{ending}"):
            read_table(part)


@pytest.mark.parametrize("ending", ENDINGS)
def test_other_bytes_under_that_ending(tmp_path, ending):
    path = tmp_path / f"rows{ending}"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ValueError, match="cannot read"):
        read_table(path)


def test_damaged_compressed_bytes(tmp_path, bits):
    archive = tmp_path / "rows.npz"
    np.savez_compressed(archive, X=np.random.default_rng(0).random((100, 10)))
    content = bytearray(archive.read_bytes())
    content[2000:2100] = bytes(100)
    archive.write_bytes(content)
    text = tmp_path / "rows.csv.gz"
    content = bytearray(gzip.compress(b"0,1\n1,1\n" * 1000))
    content[20:30] = bytes(10)
    text.write_bytes(content)
    for path in (archive, text):
        with pytest.raises(ValueError, match="cannot read"):
            read_table(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_missing_file_and_folder(tmp_path, ending):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / f"no{ending}")
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(OSError, match="folder"):
        read_table(tmp_path / f"folder{ending}")


def test_unknown_ending_and_needless_key(tmp_path, bits):
    for function in (read_table, lambda path: write_table(path, bits)):
        with pytest.raises(ValueError, match=r"must end in \.npy, \.npz"):
            function(tmp_path / "rows.txt")
    write_table(tmp_path / "rows.npy", bits)
    with pytest.raises(ValueError, match="leave out the key"):
        read_table(tmp_path / "rows.npy", key="X")


# Writing whole or not at all


def test_failed_write_leaves_the_old_file(tmp_path, bits, monkeypatch):
    path = tmp_path / "rows.npy"
    write_table(path, bits)
    before = path.read_bytes()

    def fill_the_disk(file, array, feature_names):
        file.write(b"half of")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(fastmle.files._WRITERS, ".npy", fill_the_disk)
    with pytest.raises(OSError, match="No space left") as caught:
        write_table(path, 1 - bits)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["rows.npy"]


def test_names_and_shapes_are_checked_before_writing(tmp_path, bits):
    with pytest.raises(ValueError, match="2 feature names for 11 columns"):
        write_table(tmp_path / "rows.csv", bits, ["a", "b"])
    with pytest.raises(ValueError, match="one or two dimensions"):
        write_table(tmp_path / "rows.csv", bits[None])
    assert os.listdir(tmp_path) == []


def test_places_that_cannot_be_written(tmp_path, bits):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_table(tmp_path / "no" / "rows.npy", bits)
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        write_table(tmp_path / "folder.npy", bits)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_replaced(tmp_path, bits):
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(OSError, match="no regular file"):
        write_table(tmp_path / "pipe.npy", bits)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(tmp_path, bits):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="no permission"):
        check_writable(folder / "rows.npy")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_a_link_is_followed(tmp_path, bits):
    (tmp_path / "target.npy").touch()
    (tmp_path / "link.npy").symlink_to(tmp_path / "target.npy")
    write_table(tmp_path / "link.npy", bits)
    assert (tmp_path / "link.npy").is_symlink()
    np.testing.assert_array_equal(np.load(tmp_path / "target.npy"), bits)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_without_pyarrow(tmp_path, bits, monkeypatch, ending):
    path = tmp_path / f"rows{ending}"
    write_table(path, bits)
    before = path.read_bytes()
    for module in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install "fastmle\[arrow\]"'):
        read_table(path)
    with pytest.raises(ImportError, match=r'pip install "fastmle\[arrow\]"'):
        write_table(path, bits)
    assert path.read_bytes() == before
    write_table(tmp_path / "rows.npz", bits)
    np.testing.assert_array_equal(read_table(tmp_path / "rows.npz"), bits)
