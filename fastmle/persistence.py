"""Files of models and checkpoints: safetensors, which holds arrays and text and cannot run code.

A model file has the fitted arrays, and in its metadata the format version, the library version, the name of
the estimator, its hyper-parameters, its fitted scalars and the feature names, as JSON. A checkpoint has the
state of a stochastic fit, and a description of what it is a fit of.
"""

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ._version import __version__
from .exceptions import ModelFileError
from .outputs import replacing

FORMAT_NAME = "fastmle-model"
CHECKPOINT_NAME = "fastmle-checkpoint"
FORMAT_VERSION = 1


def write_model(path, arrays, description):
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        Written exactly there; no ending is added.
    arrays : dict of str to ndarray
        The fitted arrays.
    description : dict
        What is to be known besides, JSON-compatible.

    Raises
    ------
    OSError
        If the file cannot be written; a file that was there before stays as it was.
    """
    _write(path, FORMAT_NAME, arrays, description)


def write_checkpoint(path, state, description):
    """Write the state of a fit, whole or not at all; see :func:`write_model`."""
    _write(path, CHECKPOINT_NAME, state, description)


def _write(path, name, arrays, description):
    metadata = {
        "format": name,
        "format_version": str(FORMAT_VERSION),
        "library_version": __version__,
        "description": json.dumps(description),
    }
    content = to_bytes({name: np.asarray(a, order="C") for name, a in arrays.items()}, metadata)
    with replacing(path) as file:
        file.write(content)


def read_model(path):
    """Read a model file.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    arrays : dict of str to ndarray
    description : dict

    Raises
    ------
    ModelFileError
        If the file is truncated, no fastmle model, or of a newer format version.
    OSError
        If it cannot be read.
    """
    return _read(
        path, FORMAT_NAME, "model", "fastmle.load reads what save() has written", "save the model again"
    )


def read_checkpoint(path):
    """Read the state of a fit, and what it is a fit of; see :func:`read_model`."""
    return _read(
        path,
        CHECKPOINT_NAME,
        "checkpoint",
        "name another file as checkpoint, this one stays as it is",
        "name another file as checkpoint, or remove this one to begin anew",
    )


def _read(path, name, kind, hint, remedy):
    path = Path(path)
    with open(path, "rb"):  # a missing or unreadable file is an OSError that says so
        pass
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != name:
                raise ModelFileError(f"{path} is a safetensors file but no fastmle {kind}; {hint}")
            _check_version(path, metadata.get("format_version", ""))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            description = json.loads(metadata["description"])
        if not isinstance(description, dict):
            raise ModelFileError(f"{path} is damaged: its description is no JSON object")
        return arrays, description
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ModelFileError(
            f"{path} is no fastmle {kind} file, or it is damaged ({error}); {remedy}"
        ) from error


def _check_version(path, version):
    if not version.isdecimal():
        raise ModelFileError(f"{path} is damaged: its format version is {version!r}")
    if int(version) > FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has model format version {version}, this fastmle reads up to {FORMAT_VERSION}: "
            "upgrade fastmle to load it"
        )
