"""The model `auto`: an encoder-decoder where differencing leaves the series non-stationary, else an LSTM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.errors import ConfigError
from pipeline.models.base import AutoParameters
from pipeline.models.lstm import FittedLstm, Lstm
from pipeline.models.lstm_parameters import recurrent_parameters, without_warm_starts
from pipeline.models.recipe import Choices, Recipe
from pipeline.models.stationarity import is_stationary, measure_stationarity
from pipeline.models.weights import pack, unpack
from pipeline.types import EpochLoss, FeatureSet, FloatArray, Shape, Windows

CHOICE_KEY = "is_stationary"
"""The name of the choice among the stored weights."""


@dataclass(frozen=True)
class Auto:
    """A recurrent model that chooses one of two networks by unit-root tests of the training windows.

    Every fit is cold, because an earlier one may have chosen the other network.
    """

    parameters: AutoParameters

    def fit(
        self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
    ) -> FittedAuto:
        # The newest steps of the windows are the series itself; its affine scaling leaves p-values unchanged.
        stationary = is_stationary(measure_stationarity(training.values[:, -1, 0]))
        return FittedAuto(stationary, self._chosen(stationary).fit(training, validation, seed))

    def restore(self, weights: bytes) -> FittedAuto:
        arrays = unpack(weights)
        stationary = bool(arrays.pop(CHOICE_KEY))
        return FittedAuto(stationary, self._chosen(stationary).restore(pack(arrays)))

    def _chosen(self, stationary: bool) -> Lstm:  # noqa: FBT001 - its only argument
        """Select the model for a stationary or a non-stationary series."""
        return Lstm(self.parameters.stationary if stationary else self.parameters.otherwise)


@dataclass(frozen=True, eq=False)
class FittedAuto:
    """The fitted network, and the result of the tests that chose it."""

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
        return pack({CHOICE_KEY: np.array(self.is_stationary), **unpack(self.chosen.to_bytes())})


def _parameters(choices: Choices) -> AutoParameters:
    name = choices.name
    for key in ("shape", "warm_epochs"):
        if key in choices.lstm_override:
            raise ConfigError(
                f"'model.{name}.lstm.{key}': {name} chooses its shape for the series with every fit",
                f"Take {key} out of [model.{name}.lstm], or choose a model with one shape.",
            )
    stationary, otherwise = (
        without_warm_starts(recurrent_parameters(choices, {"shape": shape}))
        for shape in (Shape.DIRECT, Shape.SEQ2SEQ)
    )
    return AutoParameters(stationary, otherwise)


RECIPE = Recipe(FeatureSet.MULTIVARIATE, _parameters, Auto, trains_networks=True)
