"""Forecasts and what came true: errors, metrics, and the audit of warm starts."""
