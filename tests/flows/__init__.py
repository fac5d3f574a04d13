"""Tests of the Prefect flows, on a real Prefect server."""
