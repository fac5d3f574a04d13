"""The model `ridge`: ridge regression on the flattened window (Hoerl and Kennard 1970)."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge as RidgeRegression

from pipeline.models.recipe import Choices, Recipe, require_no_lstm_keys
from pipeline.models.weights import pack, unpack
from pipeline.types import EpochLoss, FeatureSet, FloatArray, Windows


@dataclass(frozen=True)
class RidgeParameters:
    """The penalties that ridge regression may choose from."""

    alphas: tuple[float, ...]


@dataclass(frozen=True)
class Ridge:
    """Ridge regression with the penalty of the smallest validation error, refitted on all windows.

    Without validation windows the largest penalty is used.
    """

    parameters: RidgeParameters

    def fit(
        self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
    ) -> "FittedRidge":
        alpha = self._choose_alpha(training, validation)
        inputs = np.concatenate([_flat(training.values), _flat(validation.values)])
        targets = np.concatenate([training.targets, validation.targets])
        fitted = RidgeRegression(alpha=alpha).fit(inputs, targets)
        return FittedRidge(
            fitted.coef_.reshape(targets.shape[1], -1), np.atleast_1d(fitted.intercept_), alpha
        )

    def restore(self, weights: bytes) -> "FittedRidge":
        arrays = unpack(weights)
        return FittedRidge(
            arrays["coefficients"].astype(np.float64),
            arrays["intercepts"].astype(np.float64),
            float(arrays["alpha"]),
        )

    def _choose_alpha(self, training: Windows, validation: Windows) -> float:
        """Choose the penalty with the smallest mean squared validation error."""
        if len(validation) == 0:
            return max(self.parameters.alphas)
        inputs, held_out = _flat(training.values), _flat(validation.values)

        def validation_error(alpha: float) -> float:
            predicted = RidgeRegression(alpha=alpha).fit(inputs, training.targets).predict(held_out)
            return float(np.mean((predicted.reshape(validation.targets.shape) - validation.targets) ** 2))

        return min(self.parameters.alphas, key=validation_error)


@dataclass(frozen=True, eq=False)
class FittedRidge:
    """The fitted coefficients, and the chosen penalty."""

    coefficients: FloatArray
    """Of the flattened window at each horizon (H, t*f)."""
    intercepts: FloatArray
    """At each horizon (H,)."""
    alpha: float
    epochs: tuple[EpochLoss, ...] = ()
    best_epoch: int = 0

    def predict(self, values: FloatArray) -> FloatArray:
        """Forecast by `einsum`, by which a row's result does not depend, bit for bit, on the other rows."""
        outputs: FloatArray = np.einsum("sk,hk->sh", _flat(values), self.coefficients)
        return outputs + self.intercepts

    def to_bytes(self) -> bytes:
        return pack(
            {
                "coefficients": self.coefficients,
                "intercepts": self.intercepts,
                "alpha": np.array(self.alpha),
            }
        )


def _flat(values: FloatArray) -> FloatArray:
    """Flatten windows (s, t, f) to rows (s, t*f)."""
    samples, time_steps, features = values.shape
    return values.reshape(samples, time_steps * features)


def _parameters(choices: Choices) -> RidgeParameters:
    require_no_lstm_keys(choices)
    return RidgeParameters(choices.settings.ridge.alphas)


RECIPE = Recipe(FeatureSet.MULTIVARIATE, _parameters, Ridge)
