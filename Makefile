# Needs make and Python 3.11 or newer, nothing else. Everything is installed into .venv, pinned by hash.

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := shared services/dispute-service services/collections-service services/notification-service deploy/local
INSTALLED := $(VENV)/.installed

# Only what was named on the command line or in the environment is passed on; the defaults stand in the program.
export DATA PORT TRANSPORT DEMO CLOCK

# Where TLS is inspected, one variable names the authority's certificates; pip, uv and jgo each read another one.
CA_BUNDLE := $(firstword $(SSL_CERT_FILE) $(REQUESTS_CA_BUNDLE) $(CURL_CA_BUNDLE) $(PIP_CERT))
ifneq ($(CA_BUNDLE),)
export SSL_CERT_FILE ?= $(CA_BUNDLE)
export REQUESTS_CA_BUNDLE ?= $(CA_BUNDLE)
endif

.DEFAULT_GOAL := help
.PHONY: help run test check format types openapi openapi-examples faults walk bench lock hooks clean

help:  ## This list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED)  ## The whole stack, until Ctrl-C. DATA=.data PORT=8001 TRANSPORT=kafka|feed DEMO=0|1 CLOCK=test
	@exec $(BIN)/redress run

test: $(INSTALLED)  ## Every test, on a real PostgreSQL and a real Kafka, the fault rows too. ARGS=tests/faults for a part
	$(BIN)/python -m pytest $(ARGS)

check: $(INSTALLED)  ## Formatting, lint, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## Format, and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(INSTALLED)  ## mypy --strict
	$(BIN)/mypy

SERVICES := dispute-service collections-service notification-service
openapi: $(INSTALLED)  ## Write shared/docs/openapi/<service>.json anew, after a change of a route or a body
	@mkdir -p shared/docs/openapi
	@set -e; for service in $(SERVICES); do $(BIN)/$$service openapi > shared/docs/openapi/$$service.json; done

openapi-examples: $(INSTALLED)  ## Record the examples of every operation anew, then the documents
	RECORD_EXAMPLES=1 $(BIN)/python -m pytest -q tests/openapi/test_examples.py -k files_are
	@$(MAKE) --no-print-directory openapi

SECONDS ?= 300
SEED ?= 7
faults: $(INSTALLED)  ## A fault campaign on real processes. SECONDS=300 SEED=7 PLANTED=<bug> (tests/faults/README.md)
	PYTHONPATH=tests $(BIN)/python -m faults.campaign --seconds $(SECONDS) --seed $(SEED) $(if $(PLANTED),--planted $(PLANTED)) $(ARGS)

OPS ?= 5000
walk: $(INSTALLED)  ## A long random walk of both services' rules against a model. SEED=7 OPS=5000 (tests/walk/README.md)
	PYTHONPATH=tests $(BIN)/python -m walk --seed $(SEED) --ops $(OPS) $(ARGS)

bench: $(INSTALLED)  ## Speed beside peers, as ratios. ARGS="--million", ARGS="append hot"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	cd tests && ../$(BIN)/python -m bench $(ARGS)

lock: $(INSTALLED)  ## Resolve anew and pin: requirements.lock
	$(BIN)/uv lock --upgrade
	$(BIN)/uv export --quiet --all-packages --no-emit-workspace --format requirements-txt -o requirements.lock

hooks:  ## Let git check the form of your commit messages (CONTRIBUTING.md)
	git config core.hooksPath .githooks

clean:  ## Remove the data of `make run` (DATA, .data by default); stop the stack first
	@$(PYTHON) deploy/local/src/redress_local/clean.py

# uv is installed by pip into the environment, then installs the pinned packages and, editable, our own.
$(INSTALLED): requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.12 …")'
	@echo "Installing into $(VENV) (once; again when pins change) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/pip || $(BIN)/python -m ensurepip >/dev/null
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@
