"""Compare forecasts with actual prices: errors, metrics, and the audit of warm starts."""
