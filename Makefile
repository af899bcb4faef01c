# Everything a fresh machine with Python 3.11 needs: each target sets itself up first.
#   make demo [CRM=both] [WORLD=folder]      what a marketer sees after an install, on a shop of its own: in HubSpot,
#                                            in Salesforce (CRM=salesforce), or in both
#   make test                                lint, types, import contracts and tests, in minutes
#   make slow [LAMPLIGHTER_SEEDS=200]        the tests that take longer, 200 random lives of each CRM among them
#   LAMPLIGHTER_SEED=123 make slow-one       one of these lives again, in each CRM
#   make chaos [CHAOS=short]                 killed at every call and commit, faults in between, a soak: promises under attack
#   make bench [WORLD=folder]                measurements, printed (WORLD=changes: of later pulls; ads: order to exclusion;
#                                            large: ten million interactions;
#                                            million: a million buyers told to Google and Meta, with kills)
#   make audit                               known vulnerabilities in what an install brings along
#   make sbom                                the bill of materials, CycloneDX, in dist/
#   make clean                               remove what make made

PYTHON ?= python3.11
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
LIVES := tests/scenario/test_portal_life.py tests/scenario/test_org_life.py
READY := $(VENV)/.installed
CHAOS ?= full

demo: $(READY)
	$(BIN)/lamplighter demo $(if $(CRM),--crm $(CRM)) $(if $(WORLD),--world "$(WORLD)")

test: lint
	$(BIN)/pytest -m "not slow and not chaos" -n $(WORKERS) --dist loadfile

slow: $(READY)
	$(BIN)/pytest -m slow -n $(WORKERS) --dist loadfile $(LIVES:%=--ignore %)
	$(BIN)/pytest -m slow -n $(WORKERS) --dist worksteal $(LIVES)

slow-one: $(READY)
	$(BIN)/pytest -m slow $(LIVES)

chaos: $(READY)
	LAMPLIGHTER_CHAOS=$(CHAOS) $(BIN)/pytest -m chaos -n $(WORKERS) --dist worksteal tests/chaos

bench: $(READY)
	$(BIN)/python -m benchmarks $(WORLD)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(READY)
	$(BIN)/python .ci/audit.py

sbom: $(READY)
	mkdir -p dist
	$(BIN)/python .ci/sbom.py dist/lamplighter.cdx.json

clean:
	rm -rf .venv build dist lamplighter.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage

$(READY): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

.PHONY: demo test slow slow-one chaos bench audit sbom lint clean
