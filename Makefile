# Everything a person types. `make` alone lists the targets; each sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest
PACKAGES := $(patsubst %/apps.py,%,$(wildcard */apps.py)) interop sandbox manage.py

.PHONY: help run test quick check check-long bench lint fix types exigences clean setup-run setup-dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: setup-run ## start the product with the sandbox and a demonstration hospital
	@exec $(BIN)/python -m dpi.launcher --end-with-parent

test: setup-dev ## run every test on real engines
	@rm -f build/requirements.json
	@$(PYTEST) -q -n $(WORKERS) --done

quick: setup-dev lint types ## lint, types, unit tests
	@$(PYTEST) -q -n $(WORKERS) -m "not slow and not browser and not faults"

check: setup-dev lint types ## all that the integration server does
	@rm -f build/requirements.json
	@$(PYTEST) -q -n $(WORKERS) --done
	@DPI_TEST_POSTGRES=15 $(PYTEST) -q -n $(WORKERS) -m "not slow and not browser and not faults" --database-only

check-long: check ## the whole suite on PostgreSQL 15 too; more seeds, more kills, more generated cases
	@DPI_TEST_POSTGRES=15 $(PYTEST) -q -n $(WORKERS)
	@for seed in 1 2 3; do DPI_LONG=1 $(PYTEST) -q -n $(WORKERS) --randomly-seed=$$seed; done

bench: setup-dev ## measure; one JSON object a line
	@$(BIN)/python -m tests.bench

lint: setup-dev ## style, templates, ladder of the rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/djlint --lint --quiet templates
	@$(BIN)/lint-imports --no-cache > build/ladder.txt || { cat build/ladder.txt; exit 1; }

types: setup-dev ## static types
	@$(BIN)/mypy $(PACKAGES)

fix: setup-dev ## repair what the tools can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

exigences: setup-dev ## write docs/exigences.md from the last test run
	@$(BIN)/python -m tests.requirements_report

clean: ## remove what was built; the state of an instance stays
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

setup-run: $(VENV)/.demo-installed
	@$(BIN)/python -m dpi.system run

setup-dev: $(VENV)/.dev-installed
	@$(BIN)/python -m dpi.system test
	@mkdir -p build

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 14)))' \
	  || { echo "Python 3.11 à 3.13 est nécessaire : make PYTHON=/chemin/de/python3.11"; exit 1; }
	@$(PYTHON) -m dpi.system venv
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-installed: requirements/demo.txt | $(BIN)/pip
	@test $(VENV)/.dev-installed -nt requirements/dev.txt \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/demo.txt
	@touch $@

$(VENV)/.dev-installed: requirements/dev.txt requirements/demo.txt | $(BIN)/pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@touch $@ $(VENV)/.demo-installed
