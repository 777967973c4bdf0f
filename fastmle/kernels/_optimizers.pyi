from numpy import floating, int64
from numpy.typing import NDArray

def set_level(level: int) -> None: ...
def measure_slope(
    parameters: NDArray[floating],
    gradient: NDArray[floating],
    runs: NDArray[int64],
    scale: float,
    penalty: float,
    squares: NDArray[floating],
) -> None: ...
def update_sgd(
    parameters: NDArray[floating],
    gradient: NDArray[floating],
    runs: NDArray[int64],
    scale: float,
    penalty: float,
    keep: float,
    learning_rate: float,
) -> None: ...
def update_momentum(
    parameters: NDArray[floating],
    gradient: NDArray[floating],
    velocity: NDArray[floating],
    runs: NDArray[int64],
    scale: float,
    penalty: float,
    keep: float,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
) -> None: ...
def update_adam(
    parameters: NDArray[floating],
    gradient: NDArray[floating],
    first: NDArray[floating],
    second: NDArray[floating],
    runs: NDArray[int64],
    scale: float,
    penalty: float,
    keep: float,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    n_steps: int,
) -> None: ...
