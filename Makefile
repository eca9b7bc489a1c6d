# What a person would type.  `make` alone lists it.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test check lint bench storm schema lock clean

help:           ## This list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/ready          ## Make .venv with everything in it, at the locked versions

.venv/ready: config/lock/dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r config/lock/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup     ## See the station provision simulated boards
	$(BIN)/station rehearse

test: setup     ## Every test, the fast ones first, three files at a time: they wait more than they work
	$(BIN)/python -m pytest -n 3 --dist loadfile

check: setup lint test      ## What has to pass before anything lands

lint: setup     ## Style, types and the directions of the imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup    ## How fast, as ratios within one run
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_fleet

storm: setup    ## Everything goes wrong at once; SEED=, BOARDS=, DIALECT= (a failure prints them)
	STORM_SEED=$(or $(SEED),$(shell shuf -i 1-999999 -n 1)) STORM_BOARDS=$(BOARDS) STORM_DIALECT=$(DIALECT) \
	  $(BIN)/python -m pytest -m "long or not long" -v tests/storm tests/crash

schema: setup   ## Renew what editors know of recipes
	$(BIN)/station recipes schema > config/recipe.schema.json.new
	mv config/recipe.schema.json.new config/recipe.schema.json

lock:           ## Renew the locked versions (needs uv)
	uv pip compile pyproject.toml --extra server --generate-hashes --universal --python-version 3.11 \
	  --no-header --no-annotate --quiet --upgrade --output-file config/lock/run.lock
	uv pip compile pyproject.toml --extra server --extra dev --generate-hashes --universal --python-version 3.11 \
	  --no-header --no-annotate --quiet --upgrade --output-file config/lock/dev.lock

clean:          ## Remove what make and the tools have made
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
