# Two commands matter: `make run` and `make test`. Each sets up .venv by itself when it must.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
UV     := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv

.DEFAULT_GOAL := help
.PHONY: help run test check serve ui docs load bench lock

help:   ## show this help
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"aimloop needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	@echo "Setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements.lock)"
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --editable . --config-settings editable_mode=compat
	@touch $@

run: $(READY)   ## one whole marketing cycle on a year of real data
	@$(BIN)/aimloop run

test: $(READY)   ## the test suite
	@$(BIN)/python -m pytest -n 2 --no-loadscope-reorder $(ARGS)

check: $(READY)   ## lint, format, types, floors, SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_project/models dbt_project/data-tests

serve: $(READY)   ## serve the last cycle's models on localhost
	@$(BIN)/aimloop serve

ui: $(READY)   ## Prefect server with UI and a worker: schedule and run cycles there
	@$(BIN)/aimloop ui

docs: $(READY)   ## every table and column described, as one page; says where it lies
	@$(BIN)/aimloop docs

load: $(READY)   ## a mixed load on the services, latency by endpoint; USERS, SECONDS, STATE, or URL and KEY
	@$(if $(STATE),AIMLOOP_STATE=$(STATE)) $(BIN)/python -m tests.load.run $(if $(USERS),--users $(USERS)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(URL),--url $(URL))

bench: $(READY)   ## measure; ONLY=name for one; writes docs/benchmarks.json and .md
	@$(BIN)/python -m tests.benchmarks.bench $(ONLY)

lock: $(READY)   ## resolve requirements.lock anew: pins and hashes, no addresses
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--extra dev pyproject.toml -o requirements.lock
