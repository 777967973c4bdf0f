"""Solvers: they see callables, no data and no model. All of them minimise."""

from .descent import StochasticDescent
from .first_order import OPTIMIZERS, SGD, Adam, AdamW, Momentum, slope_norm
from .gradient_descent import DescentResult, gradient_descent
from .layout import Layout
from .quasi_newton import RowsResult, Stage, minimize_rows
from .schedules import Constant, Cosine, InverseSquareRoot, Step, WarmUp, make_schedule
from .stochastic import StochasticRun, minimize_batches

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "DescentResult",
    "InverseSquareRoot",
    "Layout",
    "Momentum",
    "RowsResult",
    "Stage",
    "Step",
    "StochasticDescent",
    "StochasticRun",
    "WarmUp",
    "gradient_descent",
    "make_schedule",
    "minimize_batches",
    "minimize_rows",
    "slope_norm",
]
