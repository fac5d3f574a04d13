"""Recurrent forecasters: what `networks` trains, as a model like any other.

TensorFlow is imported inside functions: commands that train nothing never load it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pipeline.models.base import LstmParameters
from pipeline.models.weights import pack, unpack
from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.networks.start import start_tensorflow
from pipeline.types import EpochLoss, FloatArray, Windows

if TYPE_CHECKING:
    from pipeline.networks.training import Trainer

Weights = tuple[npt.NDArray[np.float32], ...]


@dataclass(frozen=True)
class Lstm:
    """A recurrent network of any shape, for any number of features.

    Untrained it forecasts the training mean of its scaled target, and as epoch 0 counts in early stopping, a
    network that learns nothing keeps that forecast.
    """

    parameters: LstmParameters

    def fit(self, training: Windows, validation: Windows, seed: int) -> FittedLstm:
        _, time_steps, features = training.values.shape
        dimensions = Dimensions(time_steps, features, training.targets.shape[1])
        trainer = _trainer(self.parameters.network, dimensions)
        weights, epochs, best = trainer.fit(
            trainer.start(seed), training, validation, seed, self.parameters.limits
        )
        return FittedLstm(self.parameters.network, dimensions, weights, epochs, best)

    def restore(self, weights: bytes) -> FittedLstm:
        arrays = unpack(weights)
        dimensions = Dimensions(*(int(size) for size in arrays.pop("dimensions")))
        return FittedLstm(
            self.parameters.network, dimensions, tuple(array.astype(np.float32) for array in arrays.values())
        )


@dataclass(frozen=True, eq=False)
class FittedLstm:
    """The weights of one trained network, in Keras's order."""

    network: NetworkParameters
    dimensions: Dimensions
    weights: Weights
    epochs: tuple[EpochLoss, ...] = ()
    best_epoch: int = 0

    def predict(self, values: FloatArray) -> FloatArray:
        return _trainer(self.network, self.dimensions).predict(self.weights, values)

    def to_bytes(self) -> bytes:
        size = self.dimensions
        dimensions = np.array([size.time_steps, size.features, size.horizons])
        weights = {f"w{number:03d}": weight for number, weight in enumerate(self.weights)}
        return pack({"dimensions": dimensions, **weights})


def _trainer(network: NetworkParameters, dimensions: Dimensions) -> Trainer:
    start_tensorflow()
    from pipeline.networks.training import shared_trainer

    return shared_trainer(network, dimensions)
