# `make demo`, `make demo-serve` and `make test` set up what they need.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo demo-serve screenshots test lint kafka bench campaign lock clean setup
.DEFAULT_GOAL := help

help:
	@printf '%s\n' 'make demo      the main job on the built-in broker' 'make test      the whole test suite' \
	  'make demo-serve   a whole shop with the dashboard, on a real Kafka where there is Java' \
	  'make screenshots  the pictures of docs/images, of that shop in Chromium' \
	  'make lint      ruff, mypy, import-linter' 'make kafka     a real Apache Kafka in the foreground' \
	  'make bench     records/s against an unchanged copy' 'make campaign  the long fault campaigns' \
	  'make lock      refresh the pinned requirements' 'make clean     remove .venv and .cache'

setup: $(STAMP)

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/instar demo

demo-serve: $(STAMP)
	@if PYTHONPATH=tools $(BIN)/python -m realkafka fetch --kafka-only; \
	then PYTHONPATH=tools $(BIN)/python -m realkafka with $(BIN)/instar demo --serve --bootstrap '{bootstrap}'; \
	else $(BIN)/instar demo --serve; fi

screenshots: $(STAMP)
	PYTHONPATH=tools $(BIN)/python -m screenshots

test: $(STAMP)
	PYTHONPATH=tools $(BIN)/python -m realkafka fetch --if-possible
	PYTHONPATH=tools $(BIN)/python -m realdatabases fetch --if-possible
	$(BIN)/python -m pytest -n 2 -m 'not slow and not kafka and not registry'
	$(BIN)/python -m pytest -n 2 --dist loadfile -m '(kafka or registry) and not slow'

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

kafka: $(STAMP)
	PYTHONPATH=tools $(BIN)/python -m realkafka run

bench: $(STAMP)
	$(BIN)/python bench/worker.py

campaign: $(STAMP)
	PYTHONPATH=tools $(BIN)/python -m realkafka fetch
	$(BIN)/python -m pytest -m slow

lock:
	uv pip compile pyproject.toml --all-extras --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url -o requirements.txt
	uv pip compile pyproject.toml --group dev --all-extras --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url -o requirements-dev.txt

clean:
	rm -rf $(VENV) .cache
