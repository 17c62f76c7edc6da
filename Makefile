# The two commands a newcomer needs: `make run` and `make test`. Everything else is for maintainers.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: help run test check bench soak screenshots lock format browser clean

help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/'

# --- what the machine must have ------------------------------------------------------------------
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "GAS needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what the service needs (once) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(BIN)/python -c 'import setuptools, sys; sys.exit(int(setuptools.__version__.split(".")[0]) < 77)' 2>/dev/null \
	  || $(PIP) install --require-hashes -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing what the tests need (once) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# --- for users -----------------------------------------------------------------------------------
run: $(VENV)/.runtime ## start the whole service on http://127.0.0.1:8000
	@exec $(BIN)/gas up

# --- for maintainers -----------------------------------------------------------------------------
browser: ## a Chromium for the tests: installed as root on Debian, otherwise whatever is there
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
	  || [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && { echo "installing Chromium from Debian's packages ..."; apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; }; } \
	  || echo "*** NO BROWSER: the browser tests will be SKIPPED. Install Chromium to run them. ***"

test: $(VENV)/.dev browser ## all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not soak" -q

soak: $(VENV)/.dev browser ## the same tests with bigger numbers
	@GAS_SOAK=1 $(BIN)/python -m pytest -m "soak or kill" -q --timeout=3600

check: $(VENV)/.dev ## format, lint, types, architecture, template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint entrypoints/aws/template.yaml

format: $(VENV)/.dev ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## the benchmark tables
	@$(BIN)/python -m tests.bench

screenshots: $(VENV)/.dev browser ## every page, light, dark and narrow, into var/screenshots
	@$(BIN)/python -m tests.journeys.screenshots

lock: ## resolve the locks again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml --group dev -o requirements-dev.lock
	echo 'setuptools>=77' | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate - -o requirements-build.lock

clean: ## remove the virtual environment and caches, never data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info
