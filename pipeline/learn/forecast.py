"""Forecast prices by a fit: predict scaled changes, and invert scaling and differencing."""

import numpy as np

from pipeline.errors import AssetError
from pipeline.learn.difference import rebase, undifference
from pipeline.learn.scale import scale, unscale
from pipeline.learn.train import Fit, target_scaler
from pipeline.types import FloatArray, Windows


def forecast_closes(fit: Fit, windows: Windows, last_closes: FloatArray, basis: FloatArray) -> FloatArray:
    """Forecast the closes (o, H) at the horizons of the model, from the (o,) origins of `windows`.

    `last_closes` (o,) are the closes at the origins as traded; `basis` (o,) converts prices on the basis of
    the features to that basis. Forecasts are finite, positive, and on the price basis of `last_closes`;
    AssetError if the model forecasts any other price.
    """
    scaled = fit.model.predict(scale(windows.values, fit.scaler))
    changes = unscale(scaled, target_scaler(fit.scaler, fit.config))
    method = fit.config.difference
    closes = undifference(rebase(changes, basis, method), last_closes, method)
    if not (np.isfinite(closes).all() and (closes > 0.0).all()):
        raise AssetError(
            fit.provenance.symbol,
            f"{fit.config.name} forecasts a price that is not positive",
            f"Lower the learning rate, or use difference = 'log' in [model.{fit.config.name}].",
        )
    return closes
