# Everything sets itself up: Python 3.11, make and a package registry are enough.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
PLUGINS := $(sort $(wildcard plugins/destinations/*/pyproject.toml plugins/notifiers/*/pyproject.toml))
LOCAL  := ./sdk[testing] ./client ./agent .[embedded] ./plugins/aws $(patsubst %/pyproject.toml,./%,$(PLUGINS)) ./fakes
# uv does not read pip's settings, so a mirror that pip is told to use is passed on.
INDEX  = $(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null)
STAMP  := $(VENV)/.installed
INTEROP := .venv-interop
# More than cores: many tests wait for processes that they started.
TESTERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 3 / 2 )))

PYTEST = $(BIN)/python -m pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder

# Many short processes start here: without compiled modules each of them would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test postgresql containment attacks endurance check fuzz interop browser bench dev setup clean

demo: $(STAMP) ## play the whole story against real parts
	@$(BIN)/python -m examples.demo $(ARGS)

test: $(STAMP) ## run every test but those of the stages below
	$(PYTEST) -m "not postgresql and not endurance and not containment and not attacks and not interop" $(ARGS)

postgresql: $(STAMP) ## run on PostgreSQL what `make test` runs on SQLite alone
	$(PYTEST) -m "postgresql and not endurance" tests/integration $(ARGS)

endurance: $(STAMP) ## run the long tests: load, kills and a moving clock
	$(PYTEST) -m endurance $(ARGS)

containment: $(STAMP) ## run every misbehaving plugin beside a steady load, by itself, as it measures
	$(BIN)/python -m pytest tests/live/test_misbehaving_plugins.py -m containment -s $(ARGS)

attacks: $(STAMP) ## run one attack after the other against a live server, by itself, as it measures
	$(BIN)/python -m pytest tests/live/test_attacks.py -m attacks -s $(ARGS)

check: $(STAMP) ## format, lint, types, import contracts
	$(BIN)/python -m tests.house.plugin_lists
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

fuzz: $(STAMP) ## send the boundaries of every input of the API, then inputs at random and mutated bytes for a minute each
	FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest tests/integration/api/fuzz_calls.py $(ARGS)
	$(BIN)/python -m tests.fuzz.bodies 60
	$(BIN)/python -m tests.fuzz.parsers 60

interop: $(STAMP) $(INTEROP)/.installed ## run with programs of others: clients of ACME, EST and SCEP, proxies, sshd, PostgreSQL with TLS
	@.ci/interop-programs
	$(BIN)/python -m pytest $(wildcard tests/interop/a_*.py) $(ARGS)
	$(BIN)/python -m pytest -m interop plugins $(ARGS)

browser: $(STAMP) $(VENV)/.browser ## look at every page of the console in Chromium
	@.ci/browser-program
	$(BIN)/python -m pytest $(wildcard tests/browser/a_*.py) $(ARGS)

bench: $(STAMP) ## measure, and compare with goals: docs/benchmarks
	$(BIN)/python -m bench $(ARGS)

dev: $(STAMP) ## run certrail on this machine
	$(BIN)/certrail dev

setup: $(STAMP) ## only install

$(STAMP): constraints.txt requirements-dev.txt pyproject.toml sdk/pyproject.toml client/pyproject.toml agent/pyproject.toml fakes/pyproject.toml plugins/aws/pyproject.toml $(PLUGINS)
	@echo "==> setting up $(VENV) (once, a minute or two without a package cache)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --native-tls --compile-bytecode $(INDEX:%=--default-index %) \
		--python $(BIN)/python --constraint constraints.txt \
		$(foreach place,$(LOCAL),--editable '$(place)') --requirement requirements-dev.txt
	@$(BIN)/python -m compileall -q -j 0 engine workflows server sdk client agent fakes plugins examples
	@touch $@

$(INTEROP)/.installed: constraints-interop.txt $(STAMP)
	@echo "==> setting up $(INTEROP)"
	@$(PYTHON) -m venv $(INTEROP)
	@$(BIN)/uv pip install --quiet --native-tls $(INDEX:%=--default-index %) \
		--python $(INTEROP)/bin/python --requirement constraints-interop.txt
	@touch $@

$(VENV)/.browser: requirements-browser.txt $(STAMP)
	@$(BIN)/uv pip install --quiet --native-tls $(INDEX:%=--default-index %) \
		--python $(BIN)/python --requirement requirements-browser.txt
	@touch $@

clean: ## remove the virtual environments and the demo's data
	rm -rf $(VENV) $(INTEROP) .demo
