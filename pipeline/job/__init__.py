"""The daily job: which forecasts are due, the steps in order, missed days, and replay of past runs."""
