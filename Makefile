# Needs only Python 3.11 or newer, git and make. The first target that needs it makes .venv from the lock file.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.superteam-stamp

.PHONY: demo test test-fast test-crash test-frameworks test-agents simulate bench lock format clean

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("superteam needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)   ## runs the main job on a small repository, with a scripted agent
	$(BIN)/python -m superteam.demo

test: $(STAMP)   ## all checks: format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 -m "not crash and not frameworks and not agents and not simulation"

test-crash: $(STAMP)   ## the long kill sweep
	$(BIN)/python -m pytest -n 2 -m crash

test-frameworks: $(STAMP)   ## installs real test frameworks (see tests/frameworks/install.sh) and runs them
	-PYTHON=$(PYTHON) tests/frameworks/install.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal -m frameworks tests/frameworks

test-agents: $(STAMP)   ## installs real coding agents (see tests/agents_live/install.sh) and runs them, with a model of ours
	-tests/agents_live/install.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal -m agents tests/agents_live

simulate: $(STAMP)   ## judges a few hundred simulated changes: what passes, what is blocked, what it takes
	$(BIN)/python -m pytest -m simulation tests/simulation

bench: $(STAMP)   ## ratios, measured in one run
	$(BIN)/python benchmarks/bench.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:   ## writes requirements.lock and the Python packages of tests/frameworks anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group dev --group build pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate tests/frameworks/python-requirements.in -o tests/frameworks/python-requirements.txt

clean:
	rm -rf $(VENV)
