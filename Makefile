# Needs only Python 3.11 or newer, git and make. The first target that needs it makes .venv from the lock file.
# `make VENV=.venv-3.13 PYTHON=python3.13 check` uses another Python in an environment of its own.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.superteam-stamp
# Inputs that were judged wrongly once, as scripts; they are not part of this repository.
SHARED ?= ../shared/cases

# The folders whose tests start no processes, or next to none: what another Python could break is in them.
CHECKED := tests/core tests/reports tests/plans tests/evidence tests/journal tests/runners

.PHONY: demo test check test-without-processes test-cases test-expectations test-crash test-crash-all \
	test-frameworks test-agents simulate bench static lock format clean

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("superteam needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	.ci/make-venv $(PYTHON) $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)   ## runs the main job on a small repository, with a scripted agent
	$(BIN)/python -m superteam.demo

static: $(STAMP)   ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: static   ## all checks: format, lint, types, layers, tests
	$(BIN)/python -m pytest -n 2 -m "not (crash or crash_all or frameworks or agents or simulation or cases or expectations)"

check: static test-without-processes   ## the checks that start no processes: the inner loop

test-without-processes: $(STAMP)   ## the tests that start no processes, with fewer examples of each property
	$(BIN)/python -m pytest -n 2 --hypothesis-profile fewer-examples $(CHECKED)

test-cases: $(STAMP)   ## what was judged wrongly once; with ../shared/cases also the scripts there
	-PYTHON=$(PYTHON) tests/cases/install.sh
	$(BIN)/python -m pytest -n 2 -m cases tests/cases
	@PATH="$(abspath $(BIN)):$$PATH" tests/cases/run_shared.sh $(SHARED)

test-expectations: $(STAMP)   ## judges forty changes of tests: which are named for what they weaken
	$(BIN)/python -m pytest -s -m expectations tests/expectations

test-crash: $(STAMP)   ## the long kill sweep, every fourth point
	$(BIN)/python -m pytest -n 2 -m crash

test-crash-all: $(STAMP)   ## the long kill sweep, all points
	$(BIN)/python -m pytest -n 2 -m "crash or crash_all"

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

lock:   ## writes requirements.lock and the Python packages of tests/frameworks and tests/cases anew (needs uv)
	uv pip compile --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group dev --group build pyproject.toml -o requirements.lock
	uv pip compile --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate tests/frameworks/python-requirements.in -o tests/frameworks/python-requirements.txt
	uv pip compile --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-header --no-annotate tests/cases/python-requirements.in -o tests/cases/python-requirements.txt

clean:
	rm -rf $(VENV) .venv-*
