# Weixun. On a fresh Linux machine `make demo` and `make test` do everything; both build .venv when it is missing.
# Needs Python 3.11 to 3.13 with its venv module. Name another interpreter with PYTHON=/path/to/python.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
PYTEST_ARGS ?=

.PHONY: help setup demo test test-slow bench lint clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

setup: $(STAMP) ## the environment in .venv, with everything that runs and checks Weixun

demo: $(STAMP) ## simulated steppe → patrol → leads, QGIS project, scores against the planted truth; in demo/
	$(BIN)/weixun demo --out demo

test: lint ## lint, then the fast tests (minutes)
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

test-slow: $(STAMP) ## the tests that take long
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

bench: $(STAMP) ## one table of speed and memory; also benchmarks/latest.json
	$(BIN)/python -m benchmarks

lint: $(STAMP) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

clean: ## remove what was made, except .venv
	rm -rf demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis benchmarks/latest.json
	find . -path ./$(VENV) -prune -o -type d -name __pycache__ -exec rm -rf {} +

# A folder without a working pip is what a killed build leaves: it is made anew.
$(STAMP): pyproject.toml constraints.txt
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  found=; \
	  for python in $(PYTHONS); do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	    then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Weixun needs Python 3.11, 3.12 or 3.13 and found none as: $(PYTHONS)." >&2; \
	    echo "Install one, or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; \
	  fi; \
	  if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$("$$found" --version)"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@echo "Installing Weixun and what it needs into $(VENV): a few minutes, and 6 GB with PyTorch's CUDA build"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || \
	  echo "Note: libgomp.so.1 is missing; cloud masks for imagery without SCL need it. On Debian: apt-get install libgomp1" >&2
	@touch $(STAMP)
