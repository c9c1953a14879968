# One environment, four commands. Nothing is needed beforehand but Python 3.11 to 3.13 and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := PATH="$(CURDIR)/$(BIN):$$PATH"

# What Python compiles is kept, or every command of the tests would compile it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test bench check clean help

help:            ## this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

demo: $(VENV)/run.ok      ## a made-up locality, one nightly run, pages to open
	@$(BIN)/frailty demo --out demo

test: $(VENV)/dev.ok      ## everything that must hold: lint, types, tests, tests without compilation
	$(BIN)/ruff check .
	$(BIN)/python tests/warm.py scores & $(BIN)/python tests/warm.py history & $(BIN)/mypy; said=$$?; wait; exit $$said
	$(BIN)/pytest -n 2 --dist loadfile
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n 2 --dist loadfile -m "scoring and not records" $$(grep -l mark.scoring tests/test_*.py)

bench: $(VENV)/dev.ok     ## speed against peers on the same input, in one run; then the tests that take minutes
	$(BIN)/pytest benchmarks --benchmark-enable -s
	$(BIN)/pytest tests -m slow

clean:                    ## what make made
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.ok: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# Not compiled in advance: the tests import, and so compile, a part of it.
$(VENV)/dev.ok: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	@touch $(VENV)/run.ok $@
