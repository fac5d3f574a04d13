from dataclasses import dataclass, replace

import numpy as np
import pytest

from pipeline.calendars import trading_calendar
from pipeline.errors import ConfigError
from pipeline.learn.walk_forward import Assignment, forecast
from pipeline.models import RECIPES, check_models, configure, open_model
from pipeline.models.base import ModelConfig
from pipeline.models.recipe import Recipe
from pipeline.models.weights import pack
from pipeline.settings import DEFAULT_MODELS, AssetSettings, ModelOverride, Settings, TransformSettings
from pipeline.types import Adjustment, Differencing, EpochLoss, FeatureSet, FloatArray, Scaling, Windows
from tests.made import LED, SMALL, config_of, features_of, made_bars


def test_every_default_model_is_registered() -> None:
    assert set(DEFAULT_MODELS) <= set(RECIPES)
    check_models(Settings())


def test_an_unknown_model_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigError, match="unknown model 'lstm-magic'") as caught:
        check_models(Settings(models=("lstm-magic",)))
    assert "lstm-univariate" in caught.value.next_step


def test_an_override_of_an_unknown_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown model 'lstm'"):
        check_models(Settings(model={"lstm": ModelOverride()}))


def test_an_unknown_lstm_parameter_of_a_model_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"model\.lstm-univariate\.lstm\.unit'") as caught:
        check_models(Settings(model={"lstm-univariate": ModelOverride(lstm={"unit": 3})}))
    assert "units" in caught.value.next_step


def test_an_override_wins_over_the_recipe_and_the_recipe_over_the_settings() -> None:
    levels = configure(Settings(), LED, "lstm-levels")
    assert (levels.difference, levels.scaler, levels.parameters.network.units) == (
        *(Differencing.NONE, Scaling.MINMAX),
        32,
    )
    override = ModelOverride(scaler=Scaling.ROBUST, validation_fraction=0.0, lstm={"units": 5})
    changed = configure(Settings(model={"lstm-levels": override}), LED, "lstm-levels")
    assert (changed.scaler, changed.validation_fraction, changed.parameters.network.units) == (
        Scaling.ROBUST,
        0.0,
        5,
    )


def test_leads_belong_to_multivariate_models_alone() -> None:
    assert config_of("lstm-multivariate").leads == ("LEAD",)
    assert config_of("lstm-univariate").leads == ()


def test_the_hash_changes_with_the_configuration_and_with_nothing_else() -> None:
    here, there = (configure(Settings(), AssetSettings(symbol=name), "ridge") for name in ("A", "B"))
    assert here.config_hash == there.config_hash
    others = {
        configure(Settings(seed=8), LED, "ridge").config_hash,
        configure(Settings(horizons=4), LED, "ridge").config_hash,
        configure(Settings(), LED, "ridge").config_hash,
        configure(Settings(), LED, "drift").config_hash,
    }
    assert len(others | {here.config_hash}) == 5
    assert here.features is FeatureSet.MULTIVARIATE


def test_a_hash_of_before_there_was_a_choice_of_adjustment_is_that_of_splits() -> None:
    fields = ("ridge", FeatureSet.MULTIVARIATE, Differencing.LOG, Scaling.STANDARD, 10, 5, 1500, 0.15, False)
    assert ModelConfig(*fields, leads=(), seed=7).config_hash == "c817622660fc"


@pytest.mark.parametrize("name", ["last-value", "ridge", "ensemble-mean"])
def test_the_adjustment_is_another_configuration(name: str) -> None:
    models = ("ridge", "lstm-univariate", "lstm-multivariate")
    splits, dividends = (
        configure(Settings(models=models, transform=TransformSettings(adjust=adjust)), LED, name)
        for adjust in Adjustment
    )
    assert splits.config_hash == configure(Settings(models=models), LED, name).config_hash
    assert dividends.config_hash != splits.config_hash
    assert dividends.adjust is Adjustment.DIVIDENDS


@pytest.mark.parametrize("name", ["ridge", "drift", "last-value"])
def test_an_lstm_parameter_of_a_model_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"model\.{name}\.lstm"):
        check_models(Settings(model={name: ModelOverride(lstm={"units": 3})}))


def test_a_parameter_out_of_range_is_refused_with_its_key() -> None:
    with pytest.raises(ConfigError, match=r"model\.lstm-levels\.lstm\.units'"):
        check_models(Settings(model={"lstm-levels": ModelOverride(lstm={"units": 0})}))


@dataclass(frozen=True)
class Momentum:
    """A model that nobody has registered: the newest scaled change comes again, `share` of it."""

    share: float

    def fit(
        self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
    ) -> "Momentum":
        return self

    def restore(self, weights: bytes) -> "Momentum":
        return self

    def predict(self, values: FloatArray) -> FloatArray:
        return self.share * np.repeat(values[:, -1, :1], 3, axis=1)

    def to_bytes(self) -> bytes:
        return pack({"share": np.array(self.share)})

    epochs: tuple[EpochLoss, ...] = ()
    best_epoch: int = 0


@dataclass(frozen=True)
class MomentumParameters:
    share: float


MOMENTUM = Recipe(
    FeatureSet.UNIVARIATE,
    lambda choices: MomentumParameters(share=0.25),
    lambda parameters: Momentum(parameters.share),
)


def test_a_new_model_is_one_line_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "momentum", MOMENTUM)  # type: ignore[arg-type]
    settings = SMALL.model_copy(update={"models": ("momentum",)})
    check_models(settings)
    config = configure(settings, LED, "momentum")
    assert open_model(config) == Momentum(0.25)
    bars = made_bars(140)
    assignment = Assignment(features_of(bars, config), config, trading_calendar("24/7", 0), 20, 10, True)
    forecasted = forecast(assignment)
    assert (forecasted.backtest_error, forecasted.live_error) == (None, None)
    (live,) = forecasted.live
    changes = np.diff(np.log(bars.close))
    training = changes[-83:-3]  # the newest 80 rows whose three targets had settled
    scaled = 0.25 * (changes[-1] - training.mean())
    wanted = np.log(bars.close[-1]) + np.cumsum(np.full(3, training.mean() + scaled))
    np.testing.assert_allclose(np.log(live.closes[0]), wanted, atol=2e-3)


def test_a_model_is_trained_as_itself_and_never_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of("drift")
    monkeypatch.setattr("pipeline.models.RECIPES", {"drift": MOMENTUM})
    assert open_model(replace(config, parameters=MomentumParameters(0.5))) == Momentum(0.5)
    with pytest.raises(ConfigError, match="unknown model 'ridge'"):
        open_model(config_of_unregistered("ridge"))


def config_of_unregistered(name: str) -> ModelConfig:
    fields = (name, FeatureSet.UNIVARIATE, Differencing.LOG, Scaling.NONE, 4, 3, 80, 0.15, False)
    return ModelConfig(*fields, leads=(), seed=7)
