"""The parameters of a network's architecture and training. Imports no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.types import Cell, Schedule, Shape


@dataclass(frozen=True)
class NetworkParameters:
    """Architecture and training of a recurrent network; `settings.LstmSettings` explains each field."""

    units: int
    layers: int
    dropout: float
    learning_rate: float
    optimizer: str
    loss: str
    batch_size: int
    cell: Cell = Cell.LSTM
    shape: Shape = Shape.DIRECT
    bidirectional: bool = False
    branch_features: int = 0
    """Number of last features that form a second branch; 0: one branch."""
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    use_bias: bool = True
    recurrent_dropout: float = 0.0
    schedule: Schedule = Schedule.CONSTANT
    clip_norm: float = 0.0
    stateful: bool = False


@dataclass(frozen=True)
class Limits:
    """Early stopping: at most `epochs`, fewer if `patience` epochs in a row bring no improvement.

    An epoch is an improvement if its validation loss is lower by at least the share `min_improvement`.
    """

    epochs: int
    patience: int
    min_improvement: float


@dataclass(frozen=True)
class Dimensions:
    """The sizes of a network's windows and targets."""

    time_steps: int
    features: int
    horizons: int
