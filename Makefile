# Two commands matter: `make demo` (everything, then the UI) and `make test`. See README.md.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin

STUDENTS ?= 5000
SEED ?= 20261121
PORT ?= 3000
SPEED ?= 600

export LA_DATA_ROOT ?= $(CURDIR)/data
export LA_MAPPINGS ?= $(CURDIR)/data/mappings
export DAGSTER_HOME ?= $(LA_DATA_ROOT)/dagster
export LA_DAGSTER_STORAGE ?= $(DAGSTER_HOME)/storage
export DAGSTER_DISABLE_TELEMETRY := yes
export POLARS_MAX_THREADS ?= $(shell nproc)

.PHONY: help setup demo backfill ui stream test lint bench clean

help:  ## What there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed data/.secrets.env $(DAGSTER_HOME)/dagster.yaml  ## A virtual environment with everything, a secret for student keys, a Dagster home

$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed (looked for $(PYTHON)); set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu a virtual environment needs: apt-get install python3.11-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --compile-bytecode --editable '.[dev]'
	touch $@

# The bridge to R (rpy2 is built here, half a minute) for the tests and the bench that compare with R; nothing else needs it.
$(VENV)/.installed-r: $(VENV)/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev,r]'
	touch $@

data/.secrets.env:
	@umask 077; echo "LA_STUDENT_KEY_SECRET=$$(head -c 48 /dev/urandom | base64 | tr -d '/+=\n')" > $@
	@echo "A new secret for student keys is in $@ (ignored by git). Keep it: another secret gives every student another key."

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	@mkdir -p $(LA_DAGSTER_STORAGE)
	@cp $< $@

WITH_SECRETS := set -a && source data/.secrets.env && set +a &&

demo: setup  ## Simulate a district, backfill every school year, open the UI (PORT=3000)
	$(WITH_SECRETS) $(BIN)/python -m la_assets.demo --students $(STUDENTS) --seed $(SEED) --port $(PORT)

backfill: setup  ## The demo without the UI: STUDENTS=5000 SEED=...
	$(WITH_SECRETS) $(BIN)/python -m la_assets.demo --students $(STUDENTS) --seed $(SEED) --no-ui

ui: setup  ## The Dagster UI over what is there
	$(WITH_SECRETS) PYTHONWARNINGS=ignore $(BIN)/dagster dev --workspace workspace.yaml --port $(PORT)

stream: setup  ## Play a simulated school day into the Kinesis stream LA_STREAM: SPEED=600 (docs/streams.md)
	$(BIN)/python -m la_resources.streams.producer --speed $(SPEED)

lint: setup
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy

test: setup  ## Format, lint, types and the test suite
	bash tests/system_packages.sh
	@if command -v R >/dev/null; then $(MAKE) --no-print-directory $(VENV)/.installed-r; fi
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 40

bench: setup  ## Performance figures as ratios against a yardstick; writes bench/results/<date>.json
	$(BIN)/python -m bench

clean:  ## Remove what runs have made (not the environment, not the secret)
	rm -rf data/landing data/lake data/deliverables data/truth data/dagster data/warehouse.duckdb data/.warehouse.duckdb.*
