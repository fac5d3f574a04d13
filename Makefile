# One-word tasks. Each sets up .venv from requirements.lock by itself when that is missing or old.
.DEFAULT_GOAL := help
.PHONY: help demo run serve test fast test-pythons fast-pythons hunt
.PHONY: lint types lock bench bench-peers calibrate faults mutants docs clean

BIN := .venv/bin
# An environment that somebody else has set up, as in `make fast BIN=DIR`, is taken as it is.
READY := $(if $(filter file,$(origin BIN)),.venv/.ready)
PEERS := .venv-bench
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
export TF_CPP_MIN_LOG_LEVEL ?= 3

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "pricecast needs Python 3.11, 3.12 or 3.13 on the PATH (or make PYTHON=...)"; exit 1; }
	@echo "Setting up .venv from requirements.lock; the first time takes a few minutes."
	@if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
		uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $(READY)

demo: $(READY)  ## the whole daily job on a simulated market, offline, into pricecast-demo.db
	@$(BIN)/pricecast demo

run: $(READY)  ## the daily job on the configured assets
	@$(BIN)/pricecast run

serve: $(READY)  ## server, schedules and worker
	@$(BIN)/pricecast serve

# Prefect's tests share one server in one of the processes and mostly wait; the others fill that time.
test: $(READY)  ## every test that needs no real prices
	@$(BIN)/python -m pytest -p tests.in_turn -n auto -m "not real_data and not killed"

fast: $(READY)  ## the tests without TensorFlow, Prefect, the trials of faults, simulations, hunts and replays
	@$(BIN)/python -m pytest -n auto --dist loadfile -m "not real_data and not killed and not tensorflow and not prefect and not faults and not slow"

test-pythons: $(READY)  ## make test on Python 3.11, 3.12 and 3.13, as far as they are found
	@$(BIN)/nox --session test

fast-pythons: $(READY)  ## make fast on those of them that .venv does not have
	@$(BIN)/nox --session fast

MINUTES ?= 5
hunt: $(READY)  ## the properties on random examples, again and again for MINUTES=5
	@$(BIN)/python -m tests.hunt --minutes $(MINUTES)

lint: $(READY)  ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict
	@$(BIN)/mypy

lock: $(READY)  ## resolve requirements.lock again
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --upgrade --quiet --output-file requirements.lock

bench: $(READY)  ## training against plain Keras, warm starts, and what limits them, in one run
	@$(BIN)/python -m tests.benchmarks

# The peers alone, for they and TensorFlow need not agree on what both depend on; ours runs from .venv.
$(PEERS)/.ready: pyproject.toml | $(READY)
	@echo "Setting up $(PEERS) with the extra 'bench'; PyTorch takes several minutes."
	@peers=$$($(BIN)/python -c "import tomllib; \
		print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['bench'])") && \
	if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(PEERS) && \
		uv pip install --quiet --python $(PEERS)/bin/python $$peers ; \
	else \
		$(PYTHON) -m venv $(PEERS) && $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check $$peers ; \
	fi
	@touch $@

bench-peers: $(READY) $(PEERS)/.ready  ## the same network by neuralforecast and darts: CPU seconds and errors
	@$(BIN)/python -m tests.benchmarks.peers --peers-python $(PEERS)/bin/python

calibrate: $(READY)  ## the lag verdict's error rates by simulation, into tests/calibration/table.md
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.calibration

faults: $(READY)  ## every fault of a price source put to the daily job, into tests/faults/table.md
	@$(BIN)/python -m tests.faults

docs: $(READY)  ## the generated pages of docs/
	@$(BIN)/python -m tests.documents

mutants: $(READY)  ## which planted defects the tests catch, into tests/mutants/table.md; make mutants ONLY=jumps
	@$(BIN)/python -m tests.mutants $(ONLY)

clean:  ## remove what was made here, .venv included
	@rm -rf .venv .venv-bench .nox build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
