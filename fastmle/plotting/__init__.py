"""Pictures of models, rows, fits and expectations, as Display objects in the manner of scikit-learn.

matplotlib is imported when something is drawn, not before.
"""

from ._axes import require_matplotlib
from .images import ImageGridDisplay
from .montecarlo import MonteCarloDisplay, RunningMean
from .noise import GradientNoiseDisplay
from .training import TrainingCurve, TrainingCurveDisplay

__all__ = [
    "GradientNoiseDisplay",
    "ImageGridDisplay",
    "MonteCarloDisplay",
    "RunningMean",
    "TrainingCurve",
    "TrainingCurveDisplay",
    "require_matplotlib",
]
