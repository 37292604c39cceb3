# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
# One BLAS thread a process: the vectors are small, and joblib already uses every core.
export OPENBLAS_NUM_THREADS := 1

.PHONY: install run test check train bench stress clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(DEV_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

install: $(STAMP)

run: $(STAMP)
	# 3 says that rows were left out (drafts, advertisements …), as they should be here.
	$(BIN)/notequality batch data/sample-inbox.zip --output out.csv || [ $$? -eq 3 ]

check: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -m 'not slow and not stress'

test: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -m 'not stress'

train: $(STAMP)
	$(BIN)/notequality train data/notes.jsonl --measure-on data/test.jsonl data/validation.jsonl --into models

bench: $(DEV_STAMP)
	$(BIN)/python benchmarks/ablation.py
	$(BIN)/python benchmarks/speed.py

stress: $(DEV_STAMP)
	$(BIN)/pytest -m stress

clean:
	rm -rf $(VENV) dist out.csv
