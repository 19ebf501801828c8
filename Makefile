# One command for each thing. Every target sets up first, which takes no time when nothing changed.
#
#   make demo                   a relay and two clients exchange messages, printed as a transcript
#   make test                   lint, types, contracts and the fast tests
#   make test-all [MINUTES=10]  everything; MINUTES is what the open-ended tests may take together
#   make interop                against go-libp2p and js-libp2p alone; part of test-all
#   make bench                  the delivery figures, written to docs/benchmarks.md
#   make simulation [SIZE=full] networks of thousands of machines, written to docs/simulation.md
#   make desktop                the desktop client
#   make runtime                set up for running alone: nothing that only tests and checks need
#   make lint | types | contracts   each check alone
#   make words                  gather the window's texts for translation
#   make proto                  generate the protobuf modules
#   make lock [UPGRADE=1]       write requirements/*.txt from pyproject.toml
#
# PYTHON=/path/to/python3 chooses the interpreter: 3.11, 3.12 or 3.13.

SHELL := /bin/bash
BIN := .venv/bin
export PYTHON ?= python3
# Whatever the machine is told: programs that are started again and again start faster so.
unexport PYTHONDONTWRITEBYTECODE
MINUTES ?= 10
SIZE ?= full

COMPILE := --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --quiet

.DEFAULT_GOAL := help
.PHONY: help setup runtime demo test test-all fuzzer interop bench simulation desktop words lint types contracts proto lock

help:
	@sed -n 's/^#   //p' Makefile

setup:
	@tools/setup

runtime:
	@tools/setup runtime

demo: setup
	$(BIN)/python examples/demo.py

test: lint types contracts
	$(BIN)/pytest -n 2 -m "not slow" --durations 15

test-all: lint types contracts fuzzer
	P2PCHAT_TEST_MINUTES=$(MINUTES) HYPOTHESIS_PROFILE=thorough \
		$(BIN)/pytest -n 2 --durations 30

# What finds inputs by what they make a decoder run; where it cannot be had, its tests are skipped.
fuzzer: setup
	@$(BIN)/python -c "import atheris" 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--only-binary :all: --require-hashes -r requirements/fuzz.txt || true

# Compiles and installs the other side into build/interop/ with the go and npm of the machine; what
# is not installed is skipped, and said.
interop: setup
	$(BIN)/pytest -n 2 tests/interop

bench: setup
	$(BIN)/python -m benchmarks

simulation: setup
	$(BIN)/python -m benchmarks.simulation --size $(SIZE)

desktop: setup
	@$(BIN)/python -m p2pchat_qt

# Write the texts of the window into i18n/*.ts, and what is translated there into i18n/*.qm.
words: setup
	$(BIN)/python tools/words

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/basedpyright

contracts: setup
	$(BIN)/lint-imports --no-logo

proto: setup
	$(BIN)/python -m grpc_tools.protoc --proto_path=p2pchat/wire \
		--python_out=p2pchat/wire --pyi_out=p2pchat/wire p2pchat/wire/*.proto

# Pins that are in the lock already stay as they are, unless UPGRADE is given.
lock: setup
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra qt $(COMPILE) \
		--override requirements/overrides.txt --output-file requirements/lock.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url \
		--override requirements/overrides.txt --constraint requirements/lock.txt \
		--no-header --no-annotate --quiet | sed 's/[=; ].*//' > requirements/runtime.txt
	sed -n 's/^fuzz = \["\(.*\)"\]$$/\1/p' pyproject.toml | \
		$(BIN)/uv pip compile - $(COMPILE) --output-file requirements/fuzz.txt
