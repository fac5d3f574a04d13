"""From stored prices to forecasts: features, scaling, windows, training and walk-forward."""
