"""Tests of the schedules and of `pricecast serve`, on a real Prefect server."""
