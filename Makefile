# One environment, four commands. Nothing is needed beforehand but Python 3.11 to 3.13 and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: demo test bench check clean help

help:            ## this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

demo: $(VENV)/run.ok      ## a made-up locality, one nightly run, pages to open
	@$(BIN)/frailty demo --out demo

test: $(VENV)/dev.ok      ## everything that must hold: lint, types, tests, tests without compilation
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n 2 --dist loadfile -m scoring

bench: $(VENV)/dev.ok     ## speed against peers on the same input, in one run; then the tests that take minutes
	$(BIN)/pytest benchmarks --benchmark-enable -s
	$(BIN)/pytest tests -m slow

clean:                    ## what make made
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache

$(VENV)/run.ok: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev.ok: $(VENV)/run.ok
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
