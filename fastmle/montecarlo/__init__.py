"""Monte Carlo: expectations of a user's function with their standard errors."""

from .expectation import expectation, log_expectation
from .result import ConfidenceInterval, ExpectationResult

__all__ = ["ConfidenceInterval", "ExpectationResult", "expectation", "log_expectation"]
