# Everything sets up its own virtual environment first; nothing but Python 3.11+ is needed.
PYTHON ?= python3
PYTEST ?= -n auto
VENV := .venv
BIN := $(VENV)/bin
RE2LLM_DATA ?= ../shared/data
DATA ?= re2llm-movie re2llm-game po4isr-games
SCALE ?= 1
INSTALL := $(BIN)/pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: demo test test-llm test-langgraph client lint types check experiments clean

demo: $(VENV)/.run
	$(BIN)/re2llm demo

test: $(VENV)/.dev
	$(BIN)/pytest $(PYTEST)

# Asks a real model, SmolLM2-135M, served on this machine.
test-llm: $(VENV)/.local
	$(BIN)/pytest -m llm

# Both graphs behind `langgraph dev`. Its pins of protobuf and others exclude ours, so it gets an
# environment of its own.
test-langgraph: $(VENV)/.dev $(VENV)-langgraph/.done
	$(BIN)/pytest tests/graph/test_langgraph_server.py

# The TypeScript client's types, out of the service's own description, and a check of what uses them.
client: $(VENV)/.dev
	$(BIN)/python -m re2llm.service.document > clients/typescript/openapi.json
	cd clients/typescript && npm install --no-audit --no-fund --no-package-lock && npm run build

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types test

# Every experiment on every data set (DATA) that lies in RE2LLM_DATA; stopped, it goes on where it
# was. SCALE=.1 takes a tenth of their sessions and rewards. Workspaces and reports:
# runs/DATA SET/runs/EXPERIMENT/report.html.
experiments: $(VENV)/.run
	@BIN=$(BIN) SCALE=$(SCALE) sh evals/experiments/all.sh "$(RE2LLM_DATA)" $(DATA)

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.venv pyproject.toml constraints.txt
	@echo "Setting up (once, a few minutes) ..."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.venv pyproject.toml constraints.txt
	@echo "Setting up for development (once, a few minutes) ..."
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.local: $(VENV)/.dev
	@echo "Building llama.cpp for the local model (once, up to 20 minutes) ..."
	CMAKE_ARGS="-DLLAVA_BUILD=OFF" $(INSTALL) --editable '.[local]'
	@touch $@

$(VENV)-langgraph/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)-langgraph
	grep -vE '^(protobuf|grpcio|googleapis|opentelemetry|jsonschema[-_]rs)' constraints.txt > $(VENV)-langgraph/constraints.txt
	$(VENV)-langgraph/bin/pip install --disable-pip-version-check --quiet --constraint $(VENV)-langgraph/constraints.txt --editable '.[langgraph]'
	@touch $@

# The image's requirements, by version and hash. A new pip resolves them without fetching wheels.
deploy/requirements.txt: pyproject.toml constraints.txt deploy/lock.py
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet --upgrade pip
	$(VENV)-lock/bin/python deploy/lock.py

clean:
	rm -rf $(VENV) $(VENV)-langgraph $(VENV)-lock build dist *.egg-info src/*.egg-info demo-shop
