"""The model `last-value`: persistence, the benchmark of every other model."""

from dataclasses import dataclass

import numpy as np

from pipeline.models.recipe import Recipe, no_parameters
from pipeline.models.weights import pack, unpack
from pipeline.types import Differencing, EpochLoss, FeatureSet, FloatArray, Scaling, Windows


@dataclass(frozen=True)
class LastValue:
    """Forecasts no change at any horizon; requires differenced, unscaled targets, where 0 is no change."""

    def fit(
        self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
    ) -> "FittedLastValue":
        return FittedLastValue(training.targets.shape[1])

    def restore(self, weights: bytes) -> "FittedLastValue":
        return FittedLastValue(int(unpack(weights)["horizons"]))


@dataclass(frozen=True)
class FittedLastValue:
    """The fitted model, which holds only the number of horizons."""

    horizons: int
    epochs: tuple[EpochLoss, ...] = ()
    best_epoch: int = 0

    def predict(self, values: FloatArray) -> FloatArray:
        return np.zeros((len(values), self.horizons))

    def to_bytes(self) -> bytes:
        return pack({"horizons": np.array(self.horizons)})


RECIPE = Recipe(
    FeatureSet.UNIVARIATE,
    no_parameters,
    lambda _: LastValue(),
    difference=Differencing.LOG,
    scaler=Scaling.NONE,
    is_transform_fixed=True,
)
