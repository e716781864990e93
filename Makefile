# `make demo` and `make test` each do all the set-up: Python 3.11 and pip are enough.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
PEERS := $(VENV)/.peers
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The first of these that is 3.11 or later and can make environments.
PYTHONS := python3.11 python3
CAN_SET_UP := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint format fuzz fuzz-orders corpus bench bench-check bench-record lock clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

setup: $(STAMP) ## .venv with the locked dependencies and irad itself

$(STAMP): pyproject.toml requirements.lock
	@if ! $(BIN)/python -c '$(CAN_SET_UP)' 2>/dev/null; then \
	  for python in $(PYTHONS); do \
	    if $$python -c '$(CAN_SET_UP)' 2>/dev/null; then break; fi; \
	    python=; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "irad needs Python 3.11 or later with venv (tried: $(PYTHONS))" >&2; \
	    exit 1; \
	  fi; \
	  echo "making $(VENV) with $$python"; \
	  $$python -m venv --clear $(VENV); \
	fi
	$(PIP) install --quiet --no-deps --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	$(PIP) check
	@touch $@

$(PEERS): $(STAMP) peers.lock
	$(PIP) install --quiet --no-deps --require-hashes -r peers.lock
	@touch $@

# Tests of one file share what they compile, so they run in one process.
DISTRIBUTED := -n 2 --dist loadfile

demo: $(STAMP) ## five models differentiated, checked and timed; one at every level of IR
	$(BIN)/python -m examples.demo

test: lint ## lint, then the tests but the slow; the last line is the summary
	$(BIN)/python -m pytest $(DISTRIBUTED) -q -m "not fuzz and not slow"

test-all: lint ## every test, the slow ones too (an hour on two cores)
	$(BIN)/python -m pytest $(DISTRIBUTED) -q -m "not fuzz"

lint: $(STAMP) ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(STAMP) ## ruff's fixes and its layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: $(STAMP) ## thousands of random programs against JAX
	$(BIN)/python -m pytest -n 2 -q -m fuzz --hypothesis-profile=fuzz tests/fuzz tests/compression

fuzz-orders: $(STAMP) ## Jacobians of 2,000 random programs in every order and format
	$(BIN)/python -m tests.fuzz 2000

corpus: $(STAMP) ## JAX's harnesses as StableHLO text, differentiated (half an hour)
	$(BIN)/python -m tests.stablehlo

bench: $(PEERS) ## side by side with peers, in one run (installs them: gigabytes)
	$(BIN)/python -m benchmarks

bench-check: $(STAMP) ## operations and memory of small programs beside what was recorded
	$(BIN)/python -m benchmarks check

bench-record: $(STAMP) ## records them anew, where a change is meant
	$(BIN)/python -m benchmarks recount

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
  --custom-compile-command "make lock"

lock: $(STAMP) ## requirements.lock and peers.lock anew from pyproject.toml
	$(PIP) install --quiet uv
	$(LOCK) --group dev pyproject.toml --output-file requirements.lock
	$(LOCK) --group bench pyproject.toml --constraint requirements.lock \
	  --output-file peers.lock

clean: ## removes what was made, the environment too
	rm -rf $(VENV) build dist site .compiled .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
