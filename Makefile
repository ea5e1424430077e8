# The commands of the lab. `make lab` and `make test` are all that a newcomer needs.
# The distribution's own, where it will do: built with a profile, it takes a quarter less time than one compiled at home.
PYTHON ?= $(or $(shell for python in /usr/bin/python3 python3.11 python3; do \
  $$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done), python3)
VENV := .venv
BUILD := build
BIN := $(VENV)/bin
COLLECTION_LINK := $(VENV)/collections/ansible_collections/availability/lab
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help lab up down scenarios teardown restore test test-fast units timed beside test-roles test-scenarios test-browser test-galaxy lint types coverage test-long bench fuzz requirements changelog docs-site build clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

define VENV_AND_LINK
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "PYTHON: expected Python 3.11 or newer, got $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "PYTHON: its venv module does not work (Debian: apt-get install python3-venv)"; exit 1; }
	@mkdir -p $(dir $(COLLECTION_LINK))
	@ln -sfn ../../../../collection $(COLLECTION_LINK)
endef

PIP := $(BIN)/pip install --quiet --require-hashes --requirement
$(BIN)/.lab: requirements.txt
	$(VENV_AND_LINK)
	$(PIP) requirements.txt
	touch $@

# All of it, ten times as fast by uv. Where uv finds no packages (it does not read pip.conf), by pip.
$(BIN)/.dev: requirements-dev.txt
	$(VENV_AND_LINK)
	awk '/^[a-z]/ {on = /^uv==/} on' $< | $(PIP) /dev/stdin
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement $< || $(PIP) $<
	touch $(BIN)/.lab $@

lab: $(BIN)/.lab ## bring the lab up, run a scenario (ARGS="-e scenario=…"), show its report
	$(BIN)/ansible-playbook site.yml $(ARGS)

up: $(BIN)/.lab ## deploy a workload on the lab and say where it is (WORKLOAD=guestbook ARGS='-e {"workload_variables": {…}}')
	$(BIN)/ansible-playbook playbooks/workload.yml -e workload_name=$(WORKLOAD) $(ARGS)

down: $(BIN)/.lab ## remove a workload again (WORKLOAD=guestbook)
	$(BIN)/ansible-playbook playbooks/workload.yml -e workload_name=$(WORKLOAD) -e workload_state=absent $(ARGS)

scenarios: $(BIN)/.lab ## all scenarios on a lab of two nodes, and one table (ARGS="-e scenario_profile=full")
	$(BIN)/ansible-playbook playbooks/scenarios/all.yml $(ARGS)

restore: $(BIN)/.lab ## put the lab right after a scenario that was killed
	$(BIN)/ansible-playbook playbooks/restore.yml $(ARGS)

teardown: $(BIN)/.lab ## end everything that the lab started
	$(BIN)/ansible-playbook playbooks/teardown.yml $(ARGS)

# What measures has the machine to itself: time in the units, and every scenario. The rest is done side by side.
test: $(BIN)/.dev ## all tests: units, browser, roles on hosts, and the lab itself
	$(MAKE) --no-print-directory timed
	$(MAKE) --no-print-directory --jobs=2 beside test-roles
	$(MAKE) --no-print-directory test-scenarios

test-fast: $(BIN)/.dev ## the tests that need no lab (under 5 minutes)
	$(MAKE) --no-print-directory --jobs=3 lint types units
	$(MAKE) --no-print-directory timed

# A test that measures time may fail for its neighbour's sake: it is run again alone, and has to pass then.
SPREAD := $(BIN)/pytest -q --durations=15 --dist worksteal -n
units: $(BIN)/.dev
	$(SPREAD) 2 -m 'not timed' collection/tests/unit workloads

timed: $(BIN)/.dev
	$(SPREAD) 3 -m timed collection/tests/unit || \
	  $(BIN)/pytest -q --last-failed --last-failed-no-failures none -m timed collection/tests/unit

# Its output comes in one piece; roles and the lab, which wait on each other and on pods, go first.
beside: $(BIN)/.dev
	@mkdir -p $(BUILD)
	@nice -n 10 $(MAKE) --no-print-directory --jobs=2 lint types units test-browser test-galaxy > $(BUILD)/beside.log 2>&1; \
	  code=$$?; cat $(BUILD)/beside.log; exit $$code

ON_THE_LAB := $(BIN)/pytest -q --durations=40 -m 'lab and not long'
test-roles: $(BIN)/.dev
	$(ON_THE_LAB) collection/tests/integration collection/tests/galaxy molecule $(ARGS)

test-scenarios: $(BIN)/.dev
	$(ON_THE_LAB) collection/tests/scenarios collection/tests/teardown collection/tests/at_home $(ARGS)

test-browser test-galaxy: test-%: $(BIN)/.dev
	$(BIN)/pytest -q -m 'not lab and not long' collection/tests/$*

coverage: $(BIN)/.dev ## fails when the unit tests reach less of module_utils than pyproject.toml says
	$(BIN)/pytest -q --cov --cov-report=term:skip-covered collection/tests/unit

test-long: coverage ## what takes minutes each: most Molecule scenarios, ansible-test, examples that make images, coverage
	$(BIN)/pytest -q --durations=0 -m long collection/tests/galaxy collection/tests/integration molecule $(ARGS)

lint: $(BIN)/.dev ## ruff and ansible-lint (production profile)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/ansible-lint --offline -q

types: $(BIN)/.dev ## mypy
	$(BIN)/mypy

bench: $(BIN)/.dev ## the load engine against its peers; writes docs/bench.md
	$(BIN)/python -m bench.run $(ARGS)

fuzz: $(BIN)/.dev ## fuzz the response parser (ARGS=seconds, 30 by default)
	$(BIN)/python collection/tests/fuzz/fuzz_response.py $(ARGS)

# The oldest Python that runs the lab decides; markers say what only some platforms need.
CLOSURE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make requirements'
HOSTS_PYTHON := collection/roles/toolchain/files/python
requirements: $(BIN)/.dev ## the closures with hashes, from requirements.in and requirements-dev.in (ARGS=--upgrade)
	$(CLOSURE) $(ARGS) --output-file requirements.txt requirements.in
	$(CLOSURE) $(ARGS) --output-file requirements-dev.txt requirements-dev.in
	$(CLOSURE) $(ARGS) --constraint requirements.txt --output-file $(HOSTS_PYTHON).txt $(HOSTS_PYTHON).in

changelog: $(BIN)/.dev ## CHANGELOG.md of the collection, from its fragments
	cd collection && rm -f changelogs/changelog.yaml && antsibull-changelog release && \
	  rm -f changelogs/changelog.yaml changelogs/.plugin-cache.yaml

docs-site: $(BIN)/.dev ## pages of the collection's modules and roles, in build/docs
	rm -rf build/docs && mkdir -p build/docs
	antsibull-docs sphinx-init --use-current --lenient --fail-on-error --dest-dir build/docs \
	  --index-rst-source collection/docs/index.rst --project availability.lab --title availability.lab availability.lab
	ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(VENV)/collections bash build/docs/build.sh

# The collection, and in it the clone's site.yml, playbooks/ and workloads/, which roles look for beside the playbook.
# Playbooks of a collection have no hyphen in their names, so each experiment gets one that imports it.
STAGE = $(BUILD)/collection
build: $(BIN)/.lab ## the file for Galaxy, with the experiments and their workloads, in build/
	rm -rf $(STAGE) && mkdir -p $(STAGE)/playbooks
	tar --exclude=__pycache__ -C collection -cf - . | tar -C $(STAGE) -xf -
	tar --exclude=__pycache__ --exclude=tests --exclude=conftest.py -cf - workloads | tar -C $(STAGE)/playbooks -xf -
	cp -R playbooks/planted-causes.yml playbooks/parts playbooks/scenarios $(STAGE)/playbooks && cp site.yml $(STAGE)
	ln -s ../workloads $(STAGE)/playbooks/scenarios/workloads
	for play in site.yml playbooks/planted-causes.yml playbooks/scenarios/*.yml; do \
	  name=$$(basename $$play .yml); \
	  printf -- '---\n- name: %s\n  ansible.builtin.import_playbook: %s\n\n- name: %s\n  ansible.builtin.import_playbook: %s\n' \
	    'Take this machine where no inventory names hosts' this_machine.yml "Run $$name" "../$$play" \
	    > $(STAGE)/playbooks/$$(echo $$name | tr - _).yml; \
	done
	$(BIN)/ansible-galaxy collection build $(STAGE) --output-path $(BUILD) --force

clean: ## remove the virtual environment
	rm -rf $(VENV)
