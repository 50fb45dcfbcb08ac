# Podium. `make demo` is all a first visitor needs; `make help` lists the rest.
PORT ?= 8000
HOST ?= 127.0.0.1
SITE ?=
ENVIRONMENTS ?= python,torch,tensorflow
PYTEST ?=
BENCHMARKS ?= submission_stages recovery warm_start runs_a_minute container_start hostile_corpus live_fanout board_page check_solution upload_memory

PY := .venv/bin/python
# Without compiled modules each process of the site compiles them anew, which is half of its start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo preflight run test test-postgres fuzz check format lock bench clean messages mutations chaos audit

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## start everything with three contests on real data (PORT=8000, ENVIRONMENTS=python,torch,tensorflow)
	@sh tools/bootstrap.sh app
	@exec $(PY) manage.py demo --port "$(PORT)" --environments "$(ENVIRONMENTS)"

preflight: ## what this machine's sandbox enforces, and by what
	@sh tools/bootstrap.sh app
	@$(PY) manage.py preflight

run: ## a site of your own, without demo contests (PORT=8000, HOST=0.0.0.0 SITE=http://ADDRESS:8000 to let others in)
	@sh tools/bootstrap.sh app
	@exec $(PY) manage.py serve --port "$(PORT)" --host "$(HOST)" --site "$(SITE)" --environments "$(ENVIRONMENTS)"

setup: ## make .venv/ with all that development needs
	@sh tools/bootstrap.sh dev

test: setup ## run all tests (PYTEST="tests/live -k ring" for some)
	@$(PY) -m runners.environments build scoring python
	@$(PY) -m tests.docker
	@$(PY) -m pytest $(PYTEST)

test-postgres: setup ## the tests that touch a database or a broker, on PostgreSQL and Redis (Debian's packages postgresql, redis-server)
	@$(PY) -m runners.environments build scoring python
	@$(PY) -m pytest --postgres $(PYTEST)

fuzz: setup ## many generated requests against the API's own description (EXAMPLES=200 good and bad ones for each operation)
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),200) $(PY) -m pytest tests/api/test_schemathesis.py $(PYTEST)

check: setup ## format, lint, types, import order, migrations, deployment settings
	@$(PY) tools/check.py

audit: setup ## known vulnerabilities of what the locks install (AUDIT_REQUIRED=1: not being able to ask fails)
	@$(PY) tools/audit.py

format: setup ## put the code into shape
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

messages: setup ## collect the texts to translate and compile the translations
	@$(PY) tools/messages.py

lock: setup ## write requirements/*.lock anew from pyproject.toml
	@$(PY) tools/lock.py

bench: setup ## measure: submission to board, sandboxes, the corpus, spectators, boards, checks and uploads
	@$(PY) -m runners.environments build scoring python
	@missed=; for what in $(BENCHMARKS); do \
		printf '\n%s\n' "$$what"; $(PY) -m benchmarks.$$what || missed="$$missed $$what"; done; \
		[ -z "$$missed" ] || { printf '\nnot as asked:%s\n' "$$missed"; exit 1; }

mutations: setup ## take the guards away one by one: the hostile corpus must notice each
	@$(PY) -m runners.environments build scoring python
	@$(PY) tools/corpus_mutations.py
	@$(PY) tools/fault_mutations.py

chaos: setup ## a storm over a whole stack: faults from a seed (MINUTES=30 SEED=…; as root disks are filled, too)
	@$(PY) -m runners.environments build scoring python
	@$(PY) -m tests.faults.chaos --minutes $(or $(MINUTES),3) $(if $(SEED),--seed $(SEED))

clean: ## remove .venv/ and var/ (says what that is and asks; CONFIRM=yes does not ask)
	@CONFIRM="$(CONFIRM)" sh tools/clean.sh
