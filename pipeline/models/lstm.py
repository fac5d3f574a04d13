"""The recurrent models: networks of the package `networks` behind the interface of a model.

TensorFlow is imported inside functions, so that commands without training do not load it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.models.base import LstmParameters
from pipeline.models.lstm_parameters import check_networks, recurrent_parameters
from pipeline.models.recipe import Choices, Recipe
from pipeline.models.weights import pack, unpack
from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.networks.start import start_tensorflow
from pipeline.types import Differencing, EpochLoss, FeatureSet, FloatArray, Scaling, Windows

if TYPE_CHECKING:
    from pipeline.networks.training import Trainer

Weights = tuple[npt.NDArray[np.float32], ...]


@dataclass(frozen=True)
class Lstm:
    """A recurrent network of any architecture, or the mean of several that differ in their seed.

    An untrained network forecasts the training mean of its scaled target. Epoch 0 counts in early stopping,
    so a network whose validation loss never improves keeps that forecast.
    """

    parameters: LstmParameters

    def fit(
        self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
    ) -> FittedLstm:
        _, time_steps, features = training.values.shape
        dimensions = Dimensions(time_steps, features, training.targets.shape[1])
        trainer, limits = _trainer(self.parameters.network, dimensions), self.parameters.limits
        seeds = member_seeds(seed, self.parameters.seeds)
        if start_weights:
            starts = self.restore(start_weights).members
            limits = replace(limits, epochs=self.parameters.warm_epochs)
        else:
            starts = tuple(trainer.start(one) for one in seeds)
        fits = [
            trainer.fit(start, training, validation, one, limits)
            for start, one in zip(starts, seeds, strict=True)
        ]
        _, epochs, best = fits[0]
        members = tuple(weights for weights, _, _ in fits)
        return FittedLstm(self.parameters.network, dimensions, members, epochs, best)

    def restore(self, weights: bytes) -> FittedLstm:
        arrays = unpack(weights)
        dimensions = Dimensions(*(int(size) for size in arrays.pop("dimensions")))
        every = [array.astype(np.float32) for array in arrays.values()]
        size = len(every) // self.parameters.seeds
        members = tuple(tuple(every[first : first + size]) for first in range(0, len(every), size))
        return FittedLstm(self.parameters.network, dimensions, members)


@dataclass(frozen=True, eq=False)
class FittedLstm:
    """The weights of each trained network, in Keras's order; epochs and best epoch are of the first."""

    network: NetworkParameters
    dimensions: Dimensions
    members: tuple[Weights, ...]
    epochs: tuple[EpochLoss, ...] = ()
    best_epoch: int = 0

    def predict(self, values: FloatArray) -> FloatArray:
        trainer = _trainer(self.network, self.dimensions)
        return np.asarray(np.mean([trainer.predict(weights, values) for weights in self.members], axis=0))

    def to_bytes(self) -> bytes:
        size = self.dimensions
        weights = {
            f"m{member:02d}w{number:03d}": weight
            for member, every in enumerate(self.members)
            for number, weight in enumerate(every)
        }
        return pack({"dimensions": np.array([size.time_steps, size.features, size.horizons]), **weights})


def lstm_recipe(
    features: FeatureSet,
    difference: Differencing | None = None,
    scaler: Scaling | None = None,
    **own: Any,
) -> Recipe[LstmParameters]:
    """The recipe of a recurrent model that sees `features`; `own` are its keys of `settings.LstmSettings`."""

    def parameters(choices: Choices) -> LstmParameters:
        return recurrent_parameters(choices, own)

    return Recipe(
        *(features, parameters, Lstm, difference, scaler), check=check_networks, trains_networks=True
    )


def member_seeds(seed: int, count: int) -> tuple[int, ...]:
    """Derive the seeds of `count` networks from one seed, which is the first of them."""
    others = np.random.default_rng(seed).integers(0, 2**31, count - 1)
    return (seed, *(int(one) for one in others))


def _trainer(network: NetworkParameters, dimensions: Dimensions) -> Trainer:
    """Start TensorFlow and get the shared trainer of an architecture."""
    start_tensorflow()
    from pipeline.networks.training import shared_trainer

    return shared_trainer(network, dimensions)
