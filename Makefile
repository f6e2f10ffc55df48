# Two commands do everything on a fresh machine with Python 3.11 and make:
#   make run    environment, install, start the app, print the address
#   make test   environment, install, browser, all checks and tests
# Everything lands in .venv of the checkout; the second time there is nothing left to prepare.

SHELL   := /bin/bash
VENV    := .venv
BIN     := $(VENV)/bin
STAMPS  := $(VENV)/.stamps
LOCK    := requirements-dev.lock
PORT    ?=
HOST    ?=
MODEL   ?=
ARGS    ?=
WORKERS ?= 2
SCRIPTS := inspector/ui inspector/view
# The scheduler is that of tests/conftest.py, and so is the order of files.
PYTEST   = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
CHECKED := inspector tests scripts $(wildcard app.py pages benchmarks sample_models)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test env dot browser lint format types check docs pytest quick bench lock wheel clean

help: ## what can be typed here
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: env ## start the app (PORT=8501 HOST=127.0.0.1 MODEL=path)
	@scripts/system_package.sh dot graphviz "the bundled engine lays the picture out instead"
	@$(BIN)/inspector app --no-browser $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(MODEL)

test: env dot browser check pytest ## every check and every test

env: ## the virtual environment with the locked versions
	@scripts/make_env.sh $(VENV) $(LOCK)

dot: ## Graphviz's dot, which lays out the picture
	@scripts/system_package.sh dot graphviz

browser: ## Chromium, for the tests that click
	@scripts/system_package.sh chromium chromium

check: lint types ## ruff, vulture, oxlint and mypy

lint: env
	@echo "ruff: rules and format"
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check $(CHECKED)
	@echo "vulture: code that nothing uses"
	@$(BIN)/vulture
	@echo "oxlint: the scripts of the pages"
	@$(BIN)/oxlint --deny-warnings $(SCRIPTS)

format: env ## put the code into its form
	@$(BIN)/ruff check --fix $(CHECKED)
	@$(BIN)/ruff format $(CHECKED)

types: env
	@echo "mypy: strict on the package, the pages and the scripts"
	@$(BIN)/mypy

pytest: env ## the tests alone (ARGS="tests/test_rooms.py -x" WORKERS=2)
	@echo "pytest: all tests, the browser's included"
	@$(PYTEST) $(ARGS)

quick: env ## the tests without browser, TensorFlow, pages and jobs, while you edit
	@$(PYTEST) -m "not browser and not tensorflow and not slow" --ignore=tests/pages --ignore=tests/jobs $(ARGS)

docs: env ## the docs site, into build/site
	@$(BIN)/python -m mkdocs --quiet build

bench: env ## the figures of benchmarks/
	@$(BIN)/python -m benchmarks $(ARGS)

lock: env ## choose and write down the newest versions that work together
	@$(BIN)/python scripts/lock.py $(LOCK)

wheel: env ## dist/tf_graph_inspector-*.whl
	@$(BIN)/python -m hatchling build --target wheel

clean: ## remove the environment and all caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
