# make demo   the cockpit on the embedded exchange: no keys, no network
# make test   every check: format, lint, types, walls, tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto

.PHONY: demo run test lint types walls check bench simulate proto snapshots clean help

help:
	@echo "make demo       open the cockpit on the embedded exchange"
	@echo "make run        open the cockpit as configured"
	@echo "make test       install and run every check"
	@echo "make lint       format, lint, types and walls only"
	@echo "make bench      print the speed table, as ratios taken in one run"
	@echo "make simulate   run RUNS=1000 lives of a desk with all trouble, from SEED=0"
	@echo "make proto      regenerate the stream messages from proto/"
	@echo "make snapshots  redraw the screen pictures the tests compare with"

$(VENV)/.app: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (first time only)..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.app

$(VENV)/.bench: $(VENV)/.dev
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	@touch $@

demo: $(VENV)/.app
	@$(BIN)/mexc-tui demo

run: $(VENV)/.app
	@$(BIN)/mexc-tui

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n $(WORKERS)

bench: $(VENV)/.bench
	$(BIN)/python -m tests.benchmarks

simulate: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --runs $(or $(RUNS),1000) --seed $(or $(SEED),0) --jobs $(or $(JOBS),2)

proto: $(VENV)/.dev
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=mexc_tui/wire/mexc/pb --pyi_out=mexc_tui/wire/mexc/pb proto/push.proto

snapshots: $(VENV)/.dev
	$(BIN)/pytest tests/ui --snapshot-update

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
