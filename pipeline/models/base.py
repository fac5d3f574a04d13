"""The contract of every model, and the configuration that distinguishes one model from another."""

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

from pipeline.networks.parameters import Limits, NetworkParameters
from pipeline.types import (
    Adjustment,
    Differencing,
    EpochLoss,
    FeatureSet,
    FloatArray,
    Scaling,
    Target,
    Weighting,
    Windows,
)


@dataclass(frozen=True)
class LstmParameters:
    """A recurrent network and how long it is trained; `settings.LstmSettings` says what each field means."""

    network: NetworkParameters
    limits: Limits
    seeds: int = 1
    warm_epochs: int = 0
    audit_days: int = 0


@dataclass(frozen=True)
class AutoParameters:
    """The networks for series whose changes are stationary, and for series whose changes are not."""

    stationary: LstmParameters
    otherwise: LstmParameters


@dataclass(frozen=True)
class EnsembleParameters:
    """The names and configuration hashes of an ensemble's members (see `learn.combine`)."""

    members: tuple[tuple[str, str], ...]
    weighting: Weighting


@dataclass(frozen=True)
class ModelConfig:
    """Everything besides data and seed that determines a model's forecasts."""

    name: str
    features: FeatureSet
    difference: Differencing
    scaler: Scaling
    time_steps: int
    horizons: int
    train_sessions: int
    validation_fraction: float
    bridge_gaps: bool
    leads: tuple[str, ...]
    seed: int
    parameters: object = None
    """The model's own part, a frozen dataclass; None for a model without parameters."""
    target: Target = Target.EACH
    spreads: tuple[str, ...] = ()
    chooses_leads: bool = False
    adjust: Adjustment = Adjustment.SPLITS

    @property
    def ahead(self) -> tuple[int, ...]:
        """The sessions ahead that are forecast."""
        return (self.horizons,) if self.target is Target.LAST else tuple(range(1, self.horizons + 1))

    @property
    def config_hash(self) -> str:
        """Hash of twelve hexadecimal digits that changes whenever the configuration does.

        Fields at the default of their class are left out, so that a new field changes no older hash.
        """
        text = json.dumps(_as_json_value(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _as_json_value(value: Any) -> Any:
    """Convert a configuration to JSON values, without fields at the default of their class."""
    if not is_dataclass(value):
        return value
    values = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
    return {name: _as_json_value(given) for name, (given, default) in values.items() if given != default}


class FittedModel(Protocol):
    """A trained model, frozen."""

    @property
    def epochs(self) -> tuple[EpochLoss, ...]:
        """The loss of every epoch, from epoch 0 (before any step); empty for models without epochs."""
        ...

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are kept; 0 for models without epochs."""
        ...

    def predict(self, values: FloatArray) -> FloatArray:
        """Scaled targets (s, H) for scaled windows (s, t, f); a row depends on its own window alone."""
        ...

    def to_bytes(self) -> bytes:
        """The weights as `.npz` bytes without pickle."""
        ...


class Model(Protocol):
    """How to train and restore one kind of model."""

    def fit(
        self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
    ) -> FittedModel:
        """Train on scaled windows with finite targets; the same arguments give the same model.

        The last step of a window is its newest session, feature 0 the close in the chosen difference. Column
        h of the targets is the value of session h + 1 alone, or of the whole horizon for Target.LAST.

        `validation` lies after `training` and may be empty. `start_weights` are the weights of an earlier fit
        to start from; if they are empty, and in models without iterative training, the fit is cold.
        """
        ...

    def restore(self, weights: bytes) -> FittedModel:
        """The model that `to_bytes` saved; its forecasts are identical."""
        ...
