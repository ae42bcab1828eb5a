# `make run` and `make test` do all of their own set-up on Debian with Python 3.11.
PORT ?= 8501
PYTHON := .venv/bin/python
JOBS ?= 2
# The slowest tests are named at the end: docs/testing.md says what keeps the whole under ten minutes.
PYTEST := $(PYTHON) -m pytest -n $(JOBS) --durations=15
# mypy uses one core for 40 s in a fresh copy: the tests run beside it.
TYPES_AND := $(MAKE) --no-print-directory --jobs=2 types
# Every worker, server and job that a test starts would compile the program again without it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check test-long test-engines setup setup-test screenshots benchmarks format

run: setup ## serve the dashboard on this machine
	$(PYTHON) -m abscope serve --port $(PORT)

test: setup-test style ## everything: style, types, layers, unit, reference, pages, browser
	$(TYPES_AND) pytest CHOICE='-m "not long" -ra'

check: setup-test style ## the quick part
	$(TYPES_AND) pytest CHOICE='-m "not long and not slow and not browser"'

test-long: setup-test style ## with the full campaigns
	$(TYPES_AND) pytest CHOICE=-ra

test-engines: setup-test ## the engines that need torch, nnU-Net or TotalSegmentator, in .venv-engines
	@bash scripts/setup_engines.sh
	.venv-engines/bin/python -m pytest tests/unit/contour/plugins -ra

.PHONY: lint style types pytest
lint: style types

style:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:
	$(PYTHON) -m mypy

pytest:
	$(PYTEST) $(CHOICE)

format: setup-test
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

setup:
	@bash scripts/setup.sh run

setup-test:
	@bash scripts/setup.sh test

screenshots: setup-test ## the pictures of the README, from the demonstration case
	$(PYTHON) scripts/screenshots.py

benchmarks: setup-test ## ratios against named methods; needs ABSCOPE_TEST_DATA
	for name in nelms dvh import_series rtstruct memory viewer contours; do $(PYTHON) -m benchmarks.$$name || exit 1; done
