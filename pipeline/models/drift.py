"""The model `drift`: a random walk with the mean change of the training sessions as its drift."""

from dataclasses import dataclass

import numpy as np

from pipeline.models.recipe import Recipe, no_parameters
from pipeline.models.weights import pack, unpack
from pipeline.types import Differencing, EpochLoss, FeatureSet, FloatArray, Scaling, Windows


@dataclass(frozen=True)
class Drift:
    """Forecasts the mean of all training and validation targets; it has no hyperparameters to tune."""

    def fit(
        self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
    ) -> "FittedDrift":
        return FittedDrift(np.concatenate([training.targets, validation.targets]).mean(axis=0))

    def restore(self, weights: bytes) -> "FittedDrift":
        return FittedDrift(unpack(weights)["means"].astype(np.float64))


@dataclass(frozen=True, eq=False)
class FittedDrift:
    """The fitted mean changes, which are the forecast for every window."""

    means: FloatArray
    """The mean scaled change at each horizon (H,)."""
    epochs: tuple[EpochLoss, ...] = ()
    best_epoch: int = 0

    def predict(self, values: FloatArray) -> FloatArray:
        return np.tile(self.means, (len(values), 1))

    def to_bytes(self) -> bytes:
        return pack({"means": self.means})


RECIPE = Recipe(
    FeatureSet.UNIVARIATE,
    no_parameters,
    lambda _: Drift(),
    difference=Differencing.LOG,
    scaler=Scaling.NONE,
)
