# Two commands for a fresh machine that has Python 3.11+ and make:
#
#   make table1     the whole graph on the embedded miniature
#   make test       the tests
#
# Both set up .venv first; the second time that needs no network.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
CORES ?= 2
BIN := .venv/bin

.PHONY: setup table1 test test-all format clean-run

setup: .venv/installed

.venv/installed: pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none found. Set PYTHON=/path/to/python3." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	@touch $@

table1: setup
	$(BIN)/snakemake --cores $(CORES)

test: setup
	$(BIN)/python -m pytest -n $(CORES) -m "not slow"

test-all: setup
	$(BIN)/python -m pytest -n $(CORES)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

clean-run:
	rm -rf data results logs .snakemake
