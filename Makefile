# Bootstraps .venv from nothing but make and Python 3.11 or newer, then hands over.
# The second run of a target finds the stamp and starts at once.

VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/bootstrap.txt requirements/all.txt
STAMP := $(VENV)/.installed
SYSTEM := $(VENV)/.system

# The first interpreter on PATH that is new enough and able to make an environment; name another with PYTHON=…
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(shell $(name) -c 'import sys, venv, ensurepip; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))

# Certificates of the system, as pip does it: networks that inspect TLS are known there and not to uv's own list.
export UV_SYSTEM_CERTS ?= true

# A program that some tests use, of the Debian package of its name; installed only as root, and only where it is missing.
debian = command -v $(1) >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(1) >/dev/null; }

.DEFAULT_GOAL := help
.PHONY: help install dev test audit bench lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) $(SYSTEM) ## Make .venv with everything that development needs

dev: $(STAMP) ## Serve the project with PostgreSQL embedded; Ctrl-C stops everything
	@exec $(BIN)/handfast dev $(ARGS)

test: $(STAMP) $(SYSTEM) ## Run every check that a change has to pass
	@exec $(BIN)/nox --session lint types tests foreign

audit: $(STAMP) ## Write the security audit to reports/
	@exec $(BIN)/nox --session audit

bench: $(STAMP) ## Measure requests per second, latency and generation time
	@exec $(BIN)/nox --session bench

lock: $(STAMP) ## Renew requirements/*.txt from pyproject.toml (versions move only with ARGS=--upgrade)
	@exec $(BIN)/nox --session lock -- $(ARGS)

clean: ## Remove the environment and every cache; generated code and the embedded database stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .nox .coverage .coverage.* dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the system must hold and Python's packages do not; without it some tests are skipped and say so.
$(SYSTEM): tools/pgbouncer.sh | $(STAMP)
	@tools/pgbouncer.sh
	@touch $@

$(STAMP): $(LOCKS) pyproject.toml src/handfast/__init__.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with the modules venv and ensurepip is needed; name it with: make PYTHON=/path/to/python3" >&2; exit 3; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements/bootstrap.txt
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/all.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(call debian,chromium) || echo "no Chromium: the test of /docs in a browser is skipped" >&2
	@$(call debian,wrk) || echo "no wrk: the check of CPU per request is skipped" >&2
	@touch $@
