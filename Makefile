# Everything from bare python3: `make demo` answers requests on embedded servers, `make test` tests.
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin

.PHONY: help setup demo test lint bench chaos lock clean
help:  ## show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: $$($(PYTHON) --version) found. Name another one: make PYTHON=python3.12 setup"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This python3 has no venv or ensurepip: install them (Debian: apt-get install python3-venv) and run make again."; exit 1; }
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch .venv/.ready

setup: .venv/.ready  ## make .venv with the dsr command

demo: setup  ## answer the demonstration's requests on embedded servers (DEMO_ARGS=--exit)
	@$(BIN)/dsr demo $(DEMO_ARGS)

test: setup  ## run the test suite on real servers from wheels (TEST_ARGS=...)
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(TEST_ARGS)

lint: setup  ## ruff, mypy --strict, import walls
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: setup  ## measure, as ratios within one run (ONLY=NAME)
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY),)

chaos: setup  ## disturb a whole engine for ten minutes, then examine it (MINUTES=N SEED=N)
	@$(BIN)/python -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml
lock: setup  ## renew both lock files from pyproject.toml
	@$(BIN)/$(LOCK) --extra embedded --extra dev --extra image --output-file requirements.lock
	@$(BIN)/$(LOCK) --extra image --constraints requirements.lock --output-file requirements-image.lock

clean:  ## remove the environment and the local stack's state
	@rm -rf .venv .dsr
