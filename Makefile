# LoanBell: every command a fresh machine needs. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTERS ?= 2 # test files side by side; each tester starts services of its own

.DEFAULT_GOAL := help
.PHONY: help install demo services test prove lint bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make the environment in .venv

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "LoanBell needs Python 3.11 or newer: make install PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: install ## a seeded SME portfolio through the whole path, with a report (under two minutes)
	$(BIN)/loanbell demo

services: ## install what service tests start (Prometheus, Chromium, PostgreSQL, Kafka)
	@sh deploy/services.sh

test: install ## all tests; a service that is not installed skips its tests, with the reason
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

prove: install ## the long proofs of the ledger: 20,000 steps in any order, every mutant
	LOANBELL_TEST_STEPS=20000 $(BIN)/python -m pytest tests/simulation/test_book_machine.py
	$(BIN)/python tests/mutation/test_mutants.py

lint: install ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install ## every benchmark, with machine and seed printed
	$(BIN)/python -m bench

clean: ## remove the environment and caches
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
