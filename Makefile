# Every target installs what it needs into .venv first; `make help` lists them.
PYTHON ?= python3.11
PY := .venv/bin/python
export PYTHONPATH := .
NPM := $(if $(shell command -v npm),.venv/npm-installed)

.PHONY: help run demo test static pure test-real soak bench lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

run: .venv/installed ## serve every function on http://127.0.0.1:8080
	@exec .venv/bin/litmus-gitops up

demo: .venv/installed ## the whole loop on real parts: push, change, dispatch, run, score, note
	@exec .venv/bin/litmus-gitops demo

test: .venv/tests-installed $(NPM) ## format, lint, types, layers, tests, coverage of wire and rules
	@$(MAKE) --no-print-directory -j 2 -O static pure
	.venv/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/wire --ignore tests/rules

static: .venv/tests-installed
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy shared infra functions/*/main.py tests
	.venv/bin/lint-imports

pure: .venv/tests-installed
	.venv/bin/coverage run -m pytest tests/wire tests/rules
	.venv/bin/coverage report --include 'shared/wire/*,shared/rules/*' --fail-under 100

test-real: .venv/tests-installed ## the same claims against a real kube-apiserver (needs Go)
	@tests/real/run.sh

soak: .venv/tests-installed $(NPM) ## longer histories, with the seed printed
	.venv/bin/pytest -m soak --hypothesis-profile searching

bench: .venv/tests-installed ## figures beside their references from the same run
	@$(PY) -m infra.bench

lock: .venv/tests-installed ## lock all dependencies anew, with hashes
	.venv/bin/pip install -q uv
	.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q --upgrade pyproject.toml -o requirements.txt
	.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q --upgrade tests/requirements.in -o tests/requirements.txt
	@$(PY) -m infra.bundling lock

clean: ## remove what the targets above made, except .data
	rm -rf .venv build tests/npm/node_modules .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/installed: requirements.txt pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo 'installing what is missing into .venv …'
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/tests-installed: .venv/installed tests/requirements.txt
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@

.venv/npm-installed: tests/npm/package-lock.json | .venv/installed
	@echo 'installing what GitHub says of its API into tests/npm …'
	@cd tests/npm && npm ci --ignore-scripts --silent
	@touch $@
