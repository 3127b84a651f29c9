# One home for every command that a person and CI run; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(shell command -v $(p))))
VENV := .venv
BIN := $(VENV)/bin
DATA ?= data
PORT ?= 8080
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test check lint format crash bench bench-quality lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.demo  ## read real shopping data, train on it and serve it, until Ctrl-C
	@$(BIN)/python -m examples.demo --data $(DATA) --port $(PORT)

test: $(VENV)/.dev  ## run all tests, file by file on all processors (four at most)
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: lint test  ## everything that CI asks: format, lint, types, contracts, tests

lint: $(VENV)/.dev  ## format, lint, types, import contracts, Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

format: $(VENV)/.dev  ## put every file into the common form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

crash: $(VENV)/.dev  ## kill every process at random for two minutes, then count the events
	$(BIN)/python -m benchmarks.crash --seconds 120

bench: $(VENV)/.dev  ## speed and memory, as ratios; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.run

bench-quality: $(VENV)/.dev $(VENV)/.peers  ## ranking quality next to its peers; writes docs/quality.md
	$(BIN)/python -m benchmarks.quality

lock: $(VENV)/bin/python  ## solve the dependencies anew, with hashes
	$(PIP) uv
	$(BIN)/python -m requirements.lock

clean:  ## remove what was made, but no data
	rm -rf $(VENV) build *.egg-info

# What a machine may lack is said in words, not by a traceback of pip.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Tagalong needs Python 3.11 or newer; none was found. Try: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Tagalong needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Try: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { echo "This Python cannot make virtual environments: install python3-venv."; rm -rf $(VENV); exit 1; }

# LightGBM and implicit need OpenMP's runtime library, which slim images leave out.
$(VENV)/.system: | $(VENV)/bin/python
	@$(BIN)/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || \
		{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -qq -y libgomp1 >/dev/null; } || \
		{ echo "Tagalong needs libgomp1: install it with your package manager."; exit 1; }
	@touch $@

$(VENV)/.demo: requirements/demo.txt pyproject.toml $(VENV)/.system
	@echo "Installing Tagalong into $(VENV) …"
	@$(PIP) --no-deps --require-hashes -r requirements/demo.txt --no-compile
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(VENV)/.system
	@echo "Installing Tagalong and its tools into $(VENV) …"
	@$(PIP) --no-deps --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo

# LightFM is compiled here; where that cannot be, the page goes without it and says so.
$(VENV)/.peers: requirements/peers.txt $(VENV)/.dev
	@echo "Installing the peers into $(VENV) …"
	@$(PIP) --no-deps --no-build-isolation --require-hashes -r requirements/peers.txt && touch $@ || \
		echo "LightFM could not be installed (it needs a C compiler): the page will go without it."
