"""Packed bits, the door at which every kind of table becomes packed bits, and minibatches of them."""

from .bitmatrix import BitMatrix
from .minibatches import Minibatches

__all__ = ["BitMatrix", "Minibatches"]
