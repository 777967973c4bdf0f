"""Pictures of models, of rows and of expectations, as Display objects in the manner of scikit-learn.

matplotlib is imported when something is drawn, not before.
"""

from ._axes import require_matplotlib
from .images import ImageGridDisplay
from .loss import LossCurveDisplay
from .montecarlo import MonteCarloDisplay, RunningMean

__all__ = ["ImageGridDisplay", "LossCurveDisplay", "MonteCarloDisplay", "RunningMean", "require_matplotlib"]
