# Everything a person or a scheduler does with this project. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
UV_VERSION := 0.13.8
UV := .make/bin/uv
BIN := .venv/bin
# Installed packages are compiled once here, not at every kernel start.
export UV_COMPILE_BYTECODE := 1
export UV_PYTHON_DOWNLOADS := never
export PYTHONHASHSEED := 0
# Hundreds of processes of the tests would each compile the project again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12) and "Python 3.12 or newer is needed; this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv .make
	@.make/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.ready: pyproject.toml uv.lock | $(UV)
	@echo "Setting up .venv from uv.lock ..."
	@env -u VIRTUAL_ENV $(UV) sync --quiet --frozen --python $(PYTHON) --extra postgres --extra lab --extra fast --extra mmm --extra dask
	@touch $@

.PHONY: setup
setup: .venv/.ready ## make .venv from the lock file

.PHONY: report
report: setup ## make the demo workspace, run its notebooks, publish the reports
	@$(BIN)/workbench demo data/demo --reports reports/demo

.PHONY: lab
lab: setup ## open JupyterLab with the package and its kernel ready
	@$(BIN)/python -m ipykernel install --sys-prefix --name workbench --display-name Workbench > /dev/null
	@$(BIN)/jupyter lab --notebook-dir=. $$([ "$$(id -u)" = 0 ] && echo --allow-root)

# In memory where there is room: tests make hundreds of workspaces, of which each waits for the disk at every load.
ROOM := $(shell df -Pk /dev/shm 2> /dev/null | awk 'NR == 2 && $$4 > 6e6 {print "/dev/shm"}')
APART = folder=$$(mktemp -d $(or $(ROOM),$(TMPDIR),/tmp)/wb.XXXX) && trap 'rm -rf "$$folder"' EXIT && TMPDIR=$$folder

# Four workers on two cores: many tests wait, for a kernel to start or a time to be up. What nbval loads is not
# needed in each of them.
.PHONY: test
test: setup ## all tests that must hold (under 12 minutes on 2 cores)
	@$(APART) $(BIN)/python -m pytest -p no:nbval -m "not slow" -n 4 --dist loadfile
	@$(BIN)/lint-imports --no-cache

# The oldest DuckDB that pyproject.toml allows; .venv has the one of uv.lock.
OLDEST_DUCKDB := $(shell sed -n 's/.*"duckdb>=\([0-9.]*\),.*/\1/p' pyproject.toml)
OLD := .make/duckdb-$(OLDEST_DUCKDB)

$(OLD)/.ready: .venv/.ready
	@env -u VIRTUAL_ENV UV_COMPILE_BYTECODE=0 UV_PROJECT_ENVIRONMENT=$(CURDIR)/$(OLD) $(UV) sync --quiet --frozen --python $(PYTHON) --extra postgres
	@$(UV) pip install --quiet --python $(OLD) duckdb==$(OLDEST_DUCKDB)
	@touch $@

.PHONY: test-duckdb
test-duckdb: $(OLD)/.ready ## the tests that run SQL, with the oldest DuckDB allowed
	@$(APART) $(OLD)/bin/python -m pytest -m "not slow" -n 2 --dist loadfile tests/store tests/metrics tests/laws tests/engines tests/explore tests/events/test_mapping_ingested.py

.PHONY: test-slow
test-slow: setup ## long simulations and repeated faults
	@$(BIN)/python -m pytest -m slow

.PHONY: lint
lint: setup ## format, style, types, layers, notebooks without outputs
	@$(BIN)/ruff format --check src tests benchmarks
	@$(BIN)/ruff check src tests benchmarks
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb

.PHONY: bench
bench: setup ## measure speed against named peers, in one run
	@broken=0; for script in $$(grep -l '^if __name__ == "__main__":' benchmarks/*.py); do \
		echo "== $$script"; $(BIN)/python $$script || broken=1; done; exit $$broken

.PHONY: docs
docs: setup ## write the generated reference pages
	@$(BIN)/workbench reference docs/reference
