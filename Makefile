# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that is done with this checkout. Each target calls one script; `make` alone lists them.

PYTHON ?= python3
ARTEFACT = $(CURDIR)/.cache/collections
# For what runs Ansible from here: the newest controller that we test with, and the collection as users get it.
RUN = PATH="$(CURDIR)/.venv/core-2.21/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH="$(ARTEFACT)"

GROUPS = lint types docs changelog sanity units selftest playbooks browser machines integration sample lab molecule
.PHONY: help demo test site bench bench-stalls profiles soak $(GROUPS) packages tools stage build lock clean
.DEFAULT_GOAL = help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: stage ## boot a small fleet of throw-away machines, apply site.yml, show before and after
	@$(RUN) $(PYTHON) demo/demo.py

test: stage ## run everything that must hold: of `make lab` and `make soak`, a sample
	@$(PYTHON) tools/check.py

site: ## apply site.yml to your own machines: make site INVENTORY=hosts.yml
	@$(if $(INVENTORY),,$(error say which machines: make site INVENTORY=hosts.yml))
	@$(PYTHON) tools/setup.py controller
	@$(PYTHON) tools/stage.py artefact
	@$(RUN) ansible-playbook -i "$(INVENTORY)" highwater.memory.site $(ARGS)

bench: stage ## measure against the neighbours' way, into docs/benchmarks.md: make bench CHAPTERS="zram swapfile"
	@$(PYTHON) tools/setup.py bench
	@$(RUN) $(PYTHON) bench/bench.py $(CHAPTERS)

bench-stalls: stage ## what the gap between the watermarks buys, into docs/stalls.md, in about 45 minutes or: make bench-stalls MINUTES=25
	@$(PYTHON) tools/setup.py bench
	@$(RUN) $(PYTHON) bench/stalls.py $(MINUTES)

profiles: stage ## what the profiles of role vm_tuning come to, into docs/profiles.md
	@.venv/tools/bin/python tools/profiles.py

soak: stage ## long series: twenty rounds of `make lab`, other kernels
	@$(PYTHON) tools/check.py soak

lint: ## ruff, yamllint, ansible-lint
types: ## mypy, strict
docs: ## the modules' and roles' documentation
changelog: ## the changelog fragments
sanity: ## ansible-test sanity on the oldest and newest ansible-core
units: ## unit tests on the oldest and newest Python of hosts
selftest: ## the tests of bench/, demo/, lab/ and tools/ themselves
playbooks: ## what the playbooks refuse, and what they write on the controller
browser: ## the report in a real browser
machines: ## the lab's images: built, booted, kept as snapshots
integration: ## ansible-test integration against a lab machine
sample: ## of `make lab`, what `make test` runs
lab: ## what needs a machine's whole life: reboots, power cuts, full memory
molecule: ## whole roles on machines with their own kernels

$(GROUPS): stage
	@$(PYTHON) tools/check.py $@

# `make units-3.8`: one step of a group.
$(foreach group,$(GROUPS),$(group)-%): stage
	@$(PYTHON) tools/check.py $@

packages: ## install the system packages that are missing (with sudo unless root)
	@$(PYTHON) tools/setup.py packages

tools: packages ## make the virtual environments in .venv/
	@$(PYTHON) tools/setup.py tools

stage: tools ## lay the collection out for tests, below .cache/
	@$(PYTHON) tools/stage.py tree link artefact

build: tools ## build the collection's archive
	@$(RUN) ansible-galaxy collection build --force

lock: tools ## pin the newest versions of all tools in requirements/
	@$(PYTHON) tools/setup.py lock

clean: ## remove what the targets made
	@rm -rf .cache .venv highwater-memory-*.tar.gz
