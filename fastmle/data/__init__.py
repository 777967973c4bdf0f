"""Packed bits, the door at which every kind of table becomes packed bits, and parts of them."""

from .bitmatrix import BitMatrix
from .concatenation import concatenate
from .minibatches import Minibatches

__all__ = ["BitMatrix", "Minibatches", "concatenate"]
