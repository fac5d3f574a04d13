"""When and where the flows run: `prefect.yaml` says when, `serve` runs it all by one command."""
