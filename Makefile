# lab, test: everything from nothing but Python 3.11+ and make. `make` alone explains.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
LAB_ARGS ?=

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LESSONS := $(sort $(wildcard lessons/[0-9]*.ipynb))
# stored outputs are compared in the cells tagged nbval-check-output; every cell must run
NBVAL := -p tests.rigs.nbval_environment --nbval-lax --nbval-current-env --nbval-cell-timeout=60 \
	$(if $(wildcard lessons/sanitize.cfg),--nbval-sanitize-with lessons/sanitize.cfg)
COVERAGE := $(BIN)/python -m coverage
# raise it when the figure has stayed above for a while; never lower it
COVERAGE_FLOOR := 95
# measuring costs a third of the time, so only who says COVER=1 has it; lessons are left out,
# what they run is run by the tests as well
MEASURED := $(filter true 1,$(COVER))
RUN := $(if $(MEASURED),$(COVERAGE) run,$(BIN)/python)

NPM := $(shell command -v npm 2> /dev/null)

.DEFAULT_GOAL := help
.PHONY: help lab test covered core kernels pages walks cells foreign lint widgets lessons slides bake peers \
	bench soak fuzz check pins clean

help:
	@echo "make lab      install, then open JupyterLab at lesson 00 (LAB_ARGS='--no-browser --port=8899')"
	@echo "make test     install, then the whole suite: lint, types, tests, lessons (COVER=1 measures coverage)"
	@echo "make check    lint, types and the fast tests"
	@echo "make widgets  the tests of the front end, which need Node"
	@echo "make lessons  run every lesson, and compare what is stored with what comes out"
	@echo "make slides   the core of each lesson as a page to show, in build/slides (needs npm once)"
	@echo "make bake     run every lesson and store its outputs (LESSONS=lessons/01*.ipynb: one)"
	@echo "make peers    of the suite, alone: foreign servers and clients, and the conformance suite"
	@echo "make bench    measure what the library costs"
	@echo "make soak     a million messages over a mix of transports, and the memory held meanwhile"
	@echo "make fuzz     feed the decoders what atheris finds (FUZZ_SECONDS=60 for each target)"
	@echo "make pins     write constraints.txt anew from what the registry has today"
	@echo "make clean    remove .venv and everything built"

lab: $(DONE)/lab
	$(BIN)/python -m mcp_notebook lab $(LAB_ARGS)

# What is tested waits more than it works: three lanes keep two cores busy, more would starve
# pages. None waits for another, and the longest begin first. What a lane says comes when it
# ends; the core, lint and widgets speak at once.
LANES := 3
LANE = @mkdir -p build/lanes; status=0; $(1) > build/lanes/$@.log 2>&1 || status=$$?; \
	cat build/lanes/$@.log; exit $$status
ELSEWHERE := not browser and not lesson and not peers

test: $(DONE)/test $(if $(NPM),$(DONE)/npm)
	@rm -rf build/coverage && mkdir -p build/coverage
	@nice -n 10 $(BIN)/python -m tests.peers.install > build/peers.log 2>&1 &
	@status=0; \
	$(MAKE) --no-print-directory --keep-going --jobs=$(LANES) \
	  kernels core walks pages foreign cells lint widgets || status=$$?; \
	$(if $(MEASURED),$(MAKE) --no-print-directory covered || status=$$?;) \
	exit $$status

covered:
	@$(COVERAGE) combine --quiet
	@$(COVERAGE) report --skip-covered --fail-under=$(COVERAGE_FLOOR)

core:
	@$(RUN) -m pytest tests -m "not kernel and $(ELSEWHERE)" --durations=15

kernels:
	$(call LANE,$(RUN) -m pytest tests -m "kernel and $(ELSEWHERE)" --durations=15)

pages:
	$(call LANE,$(RUN) -m pytest tests -m "browser and not lesson")

walks:
	$(call LANE,$(BIN)/python -m pytest tests -m lesson --durations=10)

cells:
	$(call LANE,$(MAKE) --no-print-directory lessons)

foreign:
	$(call LANE,$(MAKE) --no-print-directory peers)

core kernels pages walks: $(DONE)/test

lint: $(DONE)/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# the bundle is committed: only its own tests need Node
ifdef NPM
widgets: $(DONE)/npm
	cd widgets && npm run --silent check
else
widgets:
	@echo "the tests of the front end need Node 20 or newer, which is not here$(if $(CI),,: left out)"; \
	test -z "$(CI)"
endif

lessons: $(DONE)/test
	$(if $(LESSONS),$(BIN)/python -m pytest $(NBVAL) $(LESSONS),@echo "no lesson to run")

# reveal.js goes into each page: one file to carry, that asks nobody
REVEAL := widgets/node_modules/reveal.js
SLIDES := build/slides

slides: $(DONE)/lab $(if $(NPM),$(DONE)/npm)
	$(if $(NPM),,@echo "Slides need reveal.js, which npm brings once: install Node."; exit 1)
	$(BIN)/python -m nbconvert --log-level=WARN --to slides --template=mcp \
	  --TemplateExporter.extra_template_basedirs=docs/slides \
	  --TemplateExporter.extra_template_paths=$(REVEAL) --output-dir=$(SLIDES) $(LESSONS)
	@echo "Slides are in $(SLIDES). Open a file in any browser; no network is needed."

bake: $(DONE)/test
	$(BIN)/python -m tests.lessons.bake $(LESSONS)

# Foreign programs are brought once, and again when their pins have changed. What could not be
# installed is skipped by the tests that want it, and fails them in CI.
peers: $(DONE)/test
	@$(BIN)/python -m tests.peers.install; $(BIN)/python -m pytest tests/peers -m peers --durations=5

bench: $(DONE)/test
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.live
	$(BIN)/python -m tests.bench.handoff

soak: $(DONE)/test
	$(BIN)/python -m tests.bench.soak

# atheris goes to build/fuzz, not into the environment; what breaks a decoder is kept there too
FUZZ_SECONDS ?= 60

fuzz: $(DONE)/test
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGET)

check: lint
	$(BIN)/python -m pytest tests -m "not slow and not kernel and not browser and not lesson and not peers"

# An environment is made once; it is filled again only when what it should hold has changed.
$(DONE)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "mcp_notebook needs Python 3.11 or newer, and '$(PYTHON)' is not."; \
	  echo "Name a newer one, for example: make lab PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/lab: $(DONE)/venv pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[lab,lessons]'
	@touch $@

$(DONE)/test: $(DONE)/venv pyproject.toml constraints.txt
	$(PIP) -c constraints.txt -e '.[lab,lessons,test]'
	@touch $@ $(DONE)/lab

# not `npm ci`: it refuses a lock without the packages of platforms that a registry does not have
$(DONE)/npm: $(DONE)/venv widgets/package-lock.json
	cd widgets && npm install --no-save --silent --no-fund --no-audit
	@touch $@

pins:
	rm -rf build/pins && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet -e '.[lab,lessons,frames,test]'
	sed -n '/^#/p' constraints.txt > build/constraints.txt
	build/pins/bin/python -m pip freeze --exclude-editable >> build/constraints.txt
	mv build/constraints.txt constraints.txt && rm -rf build/pins

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find mcp_notebook tests lessons -name __pycache__ -prune -exec rm -rf {} +
