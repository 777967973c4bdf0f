"""Packed bits, and the door at which every kind of table becomes packed bits."""

from .bitmatrix import BitMatrix

__all__ = ["BitMatrix"]
