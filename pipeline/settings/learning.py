"""Settings of what models learn from, of the models, and of their backtests and bands."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.settings.base import FrozenModel
from pipeline.types import Adjustment, Cell, Differencing, FeatureSet, Scaling, Schedule, Shape, Target


class TransformSettings(FrozenModel):
    """How stored prices become the windows that models learn from."""

    adjust: Adjustment = Adjustment.SPLITS
    """What prices are adjusted for, in training and scoring: `splits`, or `dividends` too (total return)."""
    difference: Differencing = Differencing.LOG
    """How prices become changes: `log` differences, `simple` differences, or `none` (prices as they are)."""
    scaler: Scaling = Scaling.STANDARD
    """How features are scaled, by statistics of the training rows alone: `standard` (mean 0, standard
    deviation 1), `minmax` (0 to 1), `robust` (median 0, interquartile range 1) or `none`."""
    time_steps: int = Field(default=10, ge=1, le=1000)
    """Consecutive sessions in one window, the input of one forecast."""
    train_sessions: int = Field(default=1500, ge=50)
    """A fit learns from windows that end in this many newest sessions up to its origin."""
    validation_fraction: float = Field(default=0.15, ge=0.0, lt=0.9)
    """Newest share of the windows, held out for early stopping and for ridge's penalty; 0: no validation."""
    target: Target = Target.EACH
    """`each`: forecast every session from 1 to `horizons` ahead; `last`: only the last of them."""
    bridge_gaps: bool = False
    """Whether a window may span missing sessions, as if the sessions around a gap were consecutive."""


class LstmSettings(FrozenModel):
    """Architecture and training of the recurrent models; `[model.NAME.lstm]` sets any key for one model."""

    cell: Cell = Cell.LSTM
    """The recurrent layer: `lstm` or `gru`."""
    shape: Shape = Shape.DIRECT
    """`direct`: all horizons at once after the last step; `sequence`: after every step; `repeat`: the last
    output unfolded over the horizons; `recursive`: one session ahead, fed back for the next (univariate
    models only); `seq2seq`: an encoder whose states start a decoder."""
    seeds: int = Field(default=1, ge=1, le=100)
    """Networks trained from different seeds for one fit; the forecast is their mean."""
    units: int = Field(default=16, ge=1)
    """Units of each recurrent layer."""
    layers: int = Field(default=1, ge=1, le=8)
    """Recurrent layers on top of each other."""
    bidirectional: bool = False
    """Whether each layer also reads the window backward."""
    stateful: bool = False
    """Whether the recurrent state is kept from window to window and into the forecasts; `direct` only."""
    branches: int = Field(default=1, ge=1, le=2)
    """2: own features and leads go through separate recurrent layers, whose outputs are concatenated."""
    activation: str = "tanh"
    """Activation of the layer's output: the name of a Keras activation."""
    recurrent_activation: str = "sigmoid"
    """Activation of the layer's gates: the name of a Keras activation."""
    use_bias: bool = True
    """Whether the recurrent layers have a bias."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of a layer's inputs that is dropped in training."""
    recurrent_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the recurrent state that is dropped in training."""
    learning_rate: float = Field(default=5e-3, gt=0.0)
    """Learning rate of the optimizer in the first epoch."""
    schedule: Schedule = Schedule.CONSTANT
    """The learning rate over the epochs: `constant`, `cosine` (down to 0) or `exponential` (down to 10%)."""
    clip_norm: float = Field(default=0.0, ge=0.0)
    """Gradients whose common norm is larger are scaled down to it; 0: gradients are not clipped."""
    optimizer: str = "adam"
    """The name of a Keras optimizer."""
    loss: str = "mse"
    """The loss that training minimizes: `mse`, `mae`, `mape`, `msle`, `huber`, `log_cosh` or `cosine`."""
    epochs: int = Field(default=20, ge=1)
    """Passes over the training windows, at most."""
    batch_size: int = Field(default=64, ge=1)
    """Windows in one training step."""
    patience: int = Field(default=5, ge=1)
    """Training stops after this many epochs without a better validation loss; the best epoch is kept."""
    min_improvement: float = Field(default=0.005, ge=0.0, lt=1.0)
    """A validation loss counts as better only if it is lower by this share; smaller gains are noise."""
    warm_epochs: int = Field(default=0, ge=0)
    """Warm start: a fit continues from the previous fit's weights for this many epochs; 0: new weights."""
    warm_audit_days: int = Field(default=30, ge=1)
    """Days between comparisons of warm starts with a fit from new weights; if worse, warm starts end."""


class RidgeSettings(FrozenModel):
    """Ridge regression on the flattened window."""

    alphas: tuple[Annotated[float, Field(gt=0.0)], ...] = (1e1, 1e2, 1e3, 1e4, 1e5)
    """Penalties to choose from; the one with the lowest error on the validation block is taken."""


def _unique_members(members: tuple[str, ...]) -> tuple[str, ...]:
    if len(members) < 2 or len(set(members)) < len(members):
        raise ValueError("an ensemble has two members or more, each of them once")
    return members


class EnsembleSettings(FrozenModel):
    """The models `ensemble-mean` and `ensemble-shrunk`, which combine the forecasts of other models."""

    members: Annotated[tuple[str, ...], AfterValidator(_unique_members)] = (
        "ridge",
        "lstm-univariate",
        "lstm-multivariate",
    )
    """The models that are combined: at least two, all of them listed in `models`."""


class ModelOverride(FrozenModel):
    """Settings of one model, in a table such as `[model.lstm-levels]`; they win over the general ones."""

    features: FeatureSet | None = None
    """What it sees: `univariate` (the close), `bivariate` (and the day's range) or `multivariate` (all)."""
    difference: Differencing | None = None
    """As `transform.difference`."""
    scaler: Scaling | None = None
    """As `transform.scaler`."""
    time_steps: int | None = Field(default=None, ge=1, le=1000)
    """As `transform.time_steps`."""
    train_sessions: int | None = Field(default=None, ge=50)
    """As `transform.train_sessions`."""
    validation_fraction: float | None = Field(default=None, ge=0.0, lt=0.9)
    """As `transform.validation_fraction`."""
    target: Target | None = None
    """As `transform.target`."""
    lstm: Mapping[str, Any] = Field(default_factory=dict)
    """Any keys of `[lstm]`, for this model."""


class BacktestSettings(FrozenModel):
    """The walk-forward backtest that a model gets when it first runs for an asset."""

    origins: int = Field(default=500, ge=0)
    """Past sessions that forecasts are issued from: the newest ones. 0: no backtest."""
    refit_every: int = Field(default=125, ge=1)
    """The model is trained once for every so many origins, at the first of them."""


class IntervalSettings(FrozenModel):
    """The conformal 80% and 95% bands around the forecasts."""

    window: int = Field(default=250, ge=20)
    """The newest errors of the same series, known at the origin, that set the width of its bands."""
