from .quasi_newton import RowsResult, minimize_rows

__all__ = ["RowsResult", "minimize_rows"]
