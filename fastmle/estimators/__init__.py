"""Densities with the interface of scikit-learn, one file a model."""

from ..exceptions import ModelFileError
from ..persistence import read_model
from .bernoulli import BernoulliMLE
from .fvsbn import FVSBN
from .nade import NADE

_ESTIMATORS = {estimator.__name__: estimator for estimator in (BernoulliMLE, FVSBN, NADE)}


def load(path):
    """Load a model that an estimator's ``save(path)`` has written.

    Parameters
    ----------
    path : str or path-like
        The model file. Loading cannot run code from it.

    Returns
    -------
    BernoulliMLE, FVSBN or NADE
        The fitted estimator, with its hyper-parameters and feature names.

    Raises
    ------
    ModelFileError
        If the file is truncated, no fastmle model, or was written in a newer format version.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from fastmle import FVSBN, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "coins.fastmle"
    ...     FVSBN().fit([[0, 1], [1, 1]]).save(path)
    ...     load(path).n_features_in_
    2
    """
    arrays, description = read_model(path)
    name = description.get("estimator")
    if name not in _ESTIMATORS:
        raise ModelFileError(
            f"{path} holds a {name!r}, which this fastmle does not know: upgrade fastmle to load it"
        )
    try:
        return _ESTIMATORS[name]._from_file(arrays, description)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path} is damaged: {error} is missing or does not fit; save the model again"
        ) from error


__all__ = ["FVSBN", "NADE", "BernoulliMLE", "load"]
