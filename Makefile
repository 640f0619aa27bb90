# Each target does all its own set-up: a virtual environment in $(VENV), and the project in it.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: scenarios test crash nightly bench lint clean

scenarios: $(VENV)/.run  ## the main job: deploy, canary chaos, rollback, as tests on the local engine
	$(BIN)/pytest scenarios/ --swiftdeploy-engine local

test: $(VENV)/.dev  ## every test, scenarios included
	$(BIN)/pytest tests/ scenarios/ -n $(WORKERS) --swiftdeploy-engine local

crash: $(VENV)/.dev  ## kill deploy and promote at every phase boundary, with the real engine
	$(BIN)/pytest tests/crash/ -n $(WORKERS) --every-point

# 10,000 odd inputs to OPA and to the embedded judge must give equal allow, evidence and reasons;
# of 10,000 broken policies none may be allowed by the embedded judge alone
nightly: $(VENV)/.dev  ## what takes long: the judges' parity, broken policies, and all that may go wrong on Docker
	$(BIN)/pytest tests/engines/ tests/plugin/ -m docker -n $(WORKERS) --every-point
	opa=$$(.ci/opa) && SWIFTDEPLOY_OPA=$$opa $(BIN)/pytest tests/judges/test_parity.py -rs --parity 10000
	opa=$$(.ci/opa) && SWIFTDEPLOY_OPA=$$opa $(BIN)/pytest tests/judges/test_broken_policies.py -rs -s --broken 10000

bench: $(VENV)/.dev  ## the figures of the README, measured here
	$(BIN)/python benchmarks/run.py

lint: $(VENV)/.dev  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
