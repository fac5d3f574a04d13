"""The network that the series asks for: seq2seq where differencing did not make it stationary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.errors import ConfigError
from pipeline.models.base import AutoParameters
from pipeline.models.lstm import FittedLstm, Lstm
from pipeline.models.lstm_parameters import recurrent_parameters, started_anew
from pipeline.models.recipe import Choices, Recipe
from pipeline.models.stationarity import is_stationary, measure_stationarity
from pipeline.models.weights import pack, unpack
from pipeline.types import EpochLoss, FeatureSet, FloatArray, Shape, Windows

CHOICE = "is_stationary"


@dataclass(frozen=True)
class Auto:
    """One of two recurrent models, chosen by unit-root tests of the training windows alone.

    Every fit starts anew: the one before may have chosen the other.
    """

    parameters: AutoParameters

    def fit(self, training: Windows, validation: Windows, seed: int, before: bytes = b"") -> FittedAuto:
        # The newest step of every window is the series itself; its scaler is affine, which moves no p-value.
        stationary = is_stationary(measure_stationarity(training.values[:, -1, 0]))
        return FittedAuto(stationary, self._chosen(stationary).fit(training, validation, seed))

    def restore(self, weights: bytes) -> FittedAuto:
        arrays = unpack(weights)
        stationary = bool(arrays.pop(CHOICE))
        return FittedAuto(stationary, self._chosen(stationary).restore(pack(arrays)))

    def _chosen(self, stationary: bool) -> Lstm:  # noqa: FBT001 - the one thing it depends on
        return Lstm(self.parameters.stationary if stationary else self.parameters.otherwise)


@dataclass(frozen=True, eq=False)
class FittedAuto:
    """The model that was chosen, and why."""

    is_stationary: bool
    chosen: FittedLstm

    @property
    def epochs(self) -> tuple[EpochLoss, ...]:
        return self.chosen.epochs

    @property
    def best_epoch(self) -> int:
        return self.chosen.best_epoch

    def predict(self, values: FloatArray) -> FloatArray:
        return self.chosen.predict(values)

    def to_bytes(self) -> bytes:
        return pack({CHOICE: np.array(self.is_stationary), **unpack(self.chosen.to_bytes())})


def _parameters(choices: Choices) -> AutoParameters:
    name = choices.name
    for key in ("shape", "warm_epochs"):
        if key in choices.lstm_override:
            raise ConfigError(
                f"'model.{name}.lstm.{key}': {name} chooses its shape by the series, anew with every fit",
                f"Take {key} out of [model.{name}.lstm], or choose a model with one shape.",
            )
    stationary, otherwise = (
        started_anew(recurrent_parameters(choices, {"shape": shape}))
        for shape in (Shape.DIRECT, Shape.SEQ2SEQ)
    )
    return AutoParameters(stationary, otherwise)


RECIPE = Recipe(FeatureSet.MULTIVARIATE, _parameters, Auto, trains_networks=True)
