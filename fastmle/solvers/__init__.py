"""Solvers: they see callables, no data and no model."""

from .quasi_newton import RowsResult, Stage, minimize_rows

__all__ = ["RowsResult", "Stage", "minimize_rows"]
