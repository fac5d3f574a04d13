"""Schedules and services: `prefect.yaml` schedules the flows, `serve` runs server, schedules and worker."""
