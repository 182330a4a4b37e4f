# Each command makes what it needs: an environment in $(VENV) from pyproject.toml, held to constraints.txt.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: help demo test check lint types format perf clean

help:
	@echo "make demo    set up, evaluate the embedded demo model on the embedded demo suite, write a report"
	@echo "make test    set up and run the tests"
	@echo "make check   lint and types (CI runs it after make test)"
	@echo "make format  rewrite the code in the project's format"
	@echo "make perf    measure speed against peers and limits (ten minutes), write perf/RESULTS.md"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# torch first and alone: a later resolution would not keep to a build without CUDA where only the pinned one has it.
$(VENV)/.torch: constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt $(VENV)/.torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[hf]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt $(VENV)/.torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[hf,sbs,postgres,dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	$(BIN)/vlmeval run --model demo,demo-small --tasks demo

test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: lint types

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

perf: $(VENV)/.test
	$(BIN)/python perf/all.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
