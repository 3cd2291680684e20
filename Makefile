# rlbook: `make lab` opens the workbook, `make test` checks everything, `make help` lists the rest.

PYTHON ?= python3
LAB_ARGS ?=
PIP_ARGS ?=
BENCH_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt $(PIP_ARGS)

# Two processes side by side, each on one thread: more threads only get in each other's way.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# No window is needed to draw, and Jupyter's own folders are the same everywhere.
export MPLBACKEND ?= agg
# PROCESSOR=old: with the kernels of a processor of 2008. They sum in another order and round other last bits, in
# NumPy, its linear algebra, PyTorch and MKL in it (names of features that a NumPy does not have are ignored).
ifeq ($(PROCESSOR),old)
export NPY_DISABLE_CPU_FEATURES := X86_V3 X86_V4 AVX512_ICL AVX512_SPR AVX2 FMA3 AVX512F AVX512_SKX
export OPENBLAS_CORETYPE := Nehalem
export ATEN_CPU_CAPABILITY := default
export MKL_CBWR := COMPATIBLE
endif
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile -q
NOTEBOOKS = $(wildcard notebooks/*.ipynb solutions/*.ipynb)
WITH_NBGRADER := PYTHONPATH=$(CURDIR)/$(VENV)/nbgrader PATH="$(CURDIR)/$(VENV)/nbgrader/bin:$$PATH"
LOWEST_TESTS := $(addprefix tests/,test_mdp.py test_q_learning.py test_dqn.py envs plots/test_curves.py plots/test_arms.py workbook)

.DEFAULT_GOAL := help
.PHONY: help lab test lint drift unit browser grading nbval lowest bench build clean
.DELETE_ON_ERROR:

help: ## List what make can do here
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: $(VENV)/.lab ## Open the workbook in JupyterLab (LAB_ARGS="--no-browser --port 8890" for more)
	$(BIN)/rlbook lab $(LAB_ARGS)

test: lint unit drift nbval ## Check lint, tests, notebooks and exercises
	@echo "make test: lint, tests, sources and notebooks all passed."

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: $(VENV)/.dev
	$(PYTEST) tests --ignore tests/browser --ignore tests/grading

browser: $(VENV)/.dev ## Use the panels in JupyterLab as a reader would (needs Chromium)
	$(PYTEST) tests/browser

grading: $(VENV)/.nbgrader ## Grade honest, wrong and hostile submissions (needs bubblewrap)
	$(WITH_NBGRADER) $(PYTEST) tests/grading

drift: $(VENV)/.dev
	$(BIN)/rlbook build --check

# Every notebook runs again, and every stored output must come out the same: also with PROCESSOR=old.
nbval: $(VENV)/.dev
	$(if $(NOTEBOOKS),$(PYTEST) --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg $(NOTEBOOKS),@echo "no notebooks yet")

lowest: $(VENV)/.lowest ## Run some tests with the lowest versions that pyproject.toml promises
	PYTHONPATH=$(VENV)/lowest $(PYTEST) $(LOWEST_TESTS)

bench: $(VENV)/.bench $(VENV)/.nbgrader ## Measure, beside peers: a table here, JSON in benchmarks/results
	$(WITH_NBGRADER) $(BIN)/python -m benchmarks $(BENCH_ARGS)

build: $(VENV)/.lab ## Execute notebooks from their sources and generate the exercises
	$(BIN)/rlbook build

clean: ## Remove the virtual environment and caches (your notebooks stay)
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis rlbook.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "rlbook needs Python 3.10, 3.11, 3.12 or 3.13; '$(PYTHON)' is:"; $(PYTHON) --version; \
		echo "Name one that fits: make $(or $(MAKECMDGOALS),lab) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet "pip>=23"

$(VENV)/.lab: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing the workbook into $(VENV); the first time this takes some minutes."
	$(PIP) -e .
	@# Else the first thing a reader sees is JupyterLab's question about newsletters.
	$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1
	@touch $@

$(VENV)/.dev: $(VENV)/.lab
	$(PIP) -e ".[dev]"
	@touch $@

# They lie over the installed ones, so that nothing else (PyTorch is large) is installed twice.
$(VENV)/.lowest: $(VENV)/.dev constraints-lowest.txt
	rm -rf $(VENV)/lowest
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --target $(VENV)/lowest \
		$(PIP_ARGS) -r constraints-lowest.txt
	@touch $@

# It lies apart, so that its menus are not in JupyterLab; on Python 3.10, where it does not run, it is not there.
$(VENV)/.nbgrader: $(VENV)/.dev
	rm -rf $(VENV)/nbgrader
	$(PIP) --no-deps --target $(VENV)/nbgrader "nbgrader; python_version >= '3.11'" notebook sqlalchemy alembic mako \
		|| echo "nbgrader cannot be installed here: its tests are skipped."
	@touch $@

$(VENV)/.bench: $(VENV)/.lab
	$(PIP) -e ".[bench]"
	@touch $@
