# Everything on a fresh machine: `make demo` or `make test`. Both make their own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A server for the tests; it pins what we need in other versions, so it has an environment of its own.
LABEL_STUDIO := .venv-label-studio
# LLaMA-Factory and VLMEvalKit, whose own code then reads our files in the tests; `make test` does without.
READERS_HOME := .venv-readers

.PHONY: demo test readers lint bench clean

demo: $(VENV)/installed
	$(BIN)/python -m curation demo --quick

test: $(VENV)/installed-dev $(LABEL_STUDIO)/installed
	$(BIN)/python -m pytest -n auto --dist loadgroup

readers: $(READERS_HOME)/installed

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-dev
	$(BIN)/python tests/bench/bench_annotate.py

clean:
	rm -rf $(VENV) $(LABEL_STUDIO) $(READERS_HOME) demo build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable '.[train,ui]'
	touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/installed

$(READERS_HOME)/installed: tests/readers/install.sh $(VENV)/installed-dev
	tests/readers/install.sh $(BIN)/python $(READERS_HOME)
	touch $@

$(LABEL_STUDIO)/installed: | $(VENV)/installed-dev
	$(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/pip install --quiet 'label-studio>=1.20,<2'
	$(BIN)/python -m tests.label_studio_server $(LABEL_STUDIO)/bin/label-studio
	touch $@
