"""A random walk with drift: every session changes by the mean change of the training sessions."""

from dataclasses import dataclass

import numpy as np

from pipeline.models.recipe import Recipe, no_parameters
from pipeline.models.weights import pack, unpack
from pipeline.types import Differencing, EpochLoss, FeatureSet, FloatArray, Scaling, Windows


@dataclass(frozen=True)
class Drift:
    """The mean of all targets that may be learnt from, validation included: nothing is tuned on it."""

    def fit(self, training: Windows, validation: Windows, seed: int, before: bytes = b"") -> "FittedDrift":
        return FittedDrift(np.concatenate([training.targets, validation.targets]).mean(axis=0))

    def restore(self, weights: bytes) -> "FittedDrift":
        return FittedDrift(unpack(weights)["means"].astype(np.float64))


@dataclass(frozen=True, eq=False)
class FittedDrift:
    """The mean changes, for every window alike."""

    means: FloatArray
    """(H,) mean scaled change at each horizon."""
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
