# Everything runs in an environment of the checkout's own, made on the first call.
#
#   make demo    set up, start a server, ask it a spoken question, hear the answer
#   make test    set up, run every test
#   make serve   set up, serve until Ctrl-C
#   make check   formatting, lint, types, layers
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

.PHONY: demo serve test check simulate clean

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
