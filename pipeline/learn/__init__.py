"""Turn stored prices into forecasts: features, scaling, windows, training and walk-forward."""
