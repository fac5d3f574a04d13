"""A fit and the latest windows to prices, by un-scaling and un-differencing."""

import numpy as np

from pipeline.errors import AssetError
from pipeline.learn.difference import rebase, undifference
from pipeline.learn.scale import scale, unscale
from pipeline.learn.train import Fit, target_scaler
from pipeline.types import FloatArray, Windows


def forecast_closes(fit: Fit, windows: Windows, last_closes: FloatArray, basis: FloatArray) -> FloatArray:
    """Closes (o, H) for each session ahead that the model forecasts, after the (o,) origins of `windows`.

    `last_closes` (o,) are the origins' own closes as traded, `basis` (o,) what to multiply prices of the
    features by to have them in the same units. Every forecast is finite and positive, in the units of
    `last_closes`; AssetError if the model says otherwise.
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
