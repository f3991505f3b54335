# Everything starts from here: `make demo` and `make test` set up what is missing and then run.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
DEMO_ARGS ?=
EXPERIMENT_ARGS ?=
SOAK_ARGS ?=
SUITES ?= check unit contracts e2e

export POLE_PYTHON := $(PYTHON)
# Containers often set it, and then every one of the many processes compiles all that it imports anew, for seconds.
export PYTHONDONTWRITEBYTECODE :=

# What the set-up has made carries the stamp of its making. A stamp newer than its prerequisites costs nothing.
VENV_STAMP := .venv/.made
PACKAGES_STAMP := .venv/.ready
POLE_STAMP := .venv/.pole
NODE_STAMP := devnet/node_modules/.ready
NETWORKS_STAMP := .brownie-home/.brownie/network-config.yaml
SOLC_STAMP := .brownie-home/solc-folder
STAMPS := $(PACKAGES_STAMP) $(POLE_STAMP) $(NODE_STAMP) $(NETWORKS_STAMP) $(SOLC_STAMP)

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1#\2/p' $(MAKEFILE_LIST) | while IFS='#' read -r target text; do \
	    printf '  make %-11s %s\n' "$$target" "$$text"; done

.PHONY: demo
demo: setup ## Run the main job: rounds with data nodes, miners and verifiers (options: DEMO_ARGS)
	@exec .venv/bin/python -m scripts.demo $(DEMO_ARGS)

.PHONY: experiments
experiments: setup ## Repeat the paper's experiments and write docs/results.md (sizes: EXPERIMENT_ARGS=--quick, --full)
	@exec .venv/bin/python -m experiments $(EXPERIMENT_ARGS)

.PHONY: test
test: setup ## Run every check and test (some only: SUITES="check unit contracts e2e")
	@exec tools/test $(SUITES)

.PHONY: soak
soak: setup ## Play rounds for ten minutes while things go wrong (options: SOAK_ARGS)
	@exec .venv/bin/python -m scripts.stress.soak --minutes 10 $(SOAK_ARGS)

.PHONY: check
check: setup ## Check format, lints, types and layers of Python, Solidity and JavaScript
	@exec tools/check

.PHONY: format
format: setup ## Rewrite the sources in the project's format
	@exec tools/format

.PHONY: setup
setup: ## Install everything the project needs into this folder
	@tools/preflight $(STAMPS)
	@POLE_SETUP_START=$$(date +%s) $(MAKE) --silent --jobs=3 $(STAMPS)

.PHONY: lock
lock: $(VENV_STAMP) ## Write requirements.lock anew from pyproject.toml
	@tools/setup lock

.PHONY: clean
clean: ## Remove everything that set-up, building and testing made (wallets and chains stay)
	@tools/clean

# A virtual environment names its own folder inside, so one that was moved or copied is made anew.
ifneq ($(shell cat $(VENV_STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(VENV_STAMP)
endif

$(VENV_STAMP):
	@tools/setup venv

$(PACKAGES_STAMP): requirements.lock tools/setup $(VENV_STAMP)
	@tools/setup packages

$(POLE_STAMP): pyproject.toml setup.py $(wildcard offchain/pole/ipfe/native/*.[ch] offchain/pole/learning/evaluation/native/*.[ch]) $(PACKAGES_STAMP)
	@tools/setup pole

$(NODE_STAMP): devnet/package.json devnet/package-lock.json devnet/.npmrc
	@tools/setup node

$(NETWORKS_STAMP): devnet/network-config.yaml
	@tools/setup networks

$(SOLC_STAMP): devnet/solc/solc-v0.8.30 $(PACKAGES_STAMP)
	@tools/setup solc
