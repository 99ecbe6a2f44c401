# What a person types first. Each target sets up what it needs, in .venv, from the pinned requirements.

.PHONY: help setup demo test soak bench local lock clean

IS_SUITABLE = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'

# The first Python that is new enough; after `make clean`, `make PYTHON=/path/to/python3.12 demo` takes another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python $(IS_SUITABLE) 2>/dev/null && { echo $$python; break; }; \
	done)

# Where `make local` listens.
PORT = 4566

help:
	@echo "make demo    run the sample workflow on the embedded AWS, from deployment to the joined rows"
	@echo "make test    run every check: tests with coverage, types, style, templates, state machines"
	@echo "make soak    play a million steps of what can go wrong against the runner; takes several minutes"
	@echo "make bench   measure what docs/benchmarks.md claims, and draw it anew; takes some twenty minutes"
	@echo "make setup   set up .venv for the build commands, and no more"
	@echo "make local   keep an embedded AWS running, on port 4566 or \`make PORT=4567 local\`"
	@echo "make lock    pin the requirements anew, within the bounds of setup.cfg"
	@echo "make clean   remove what was built, and .venv"

setup: .venv/demo.ready
	@echo "Set up. Next: . .venv/bin/activate"

demo: .venv/demo.ready
	@.venv/bin/pynt demo

test: .venv/test.ready
	@.venv/bin/pynt test

# A schedule has about 48 steps. `make SCHEDULES=200 soak` plays fewer.
SCHEDULES ?= 21500
soak: .venv/test.ready
	@SCHEDULES=$(SCHEDULES) .venv/bin/pytest -q -n auto tests/recovery/test_schedules.py

# A figure that is missed is printed, and fails nothing.
bench: .venv/bench.ready
	@.venv/bin/python -m benchmarks
	@.venv/bin/python -m benchmarks.draw

local: .venv/demo.ready
	@.venv/bin/runners local --port $(PORT)

.venv/demo.ready: requirements/demo.lock setup.cfg
	@echo "Setting up .venv (the first time takes about a minute)"
	@test -n "$(PYTHON)" && $(PYTHON) $(IS_SUITABLE) || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed and was not found: install one, or say make PYTHON=/path/to/python3.13"; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.lock
	@PYTHONWARNINGS=ignore .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.ready: .venv/demo.ready requirements/dev.lock
	@echo "Adding to .venv what the checks need"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

.venv/bench.ready: .venv/demo.ready requirements/bench.lock
	@echo "Adding to .venv what the charts need"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.lock
	@touch $@

UV_COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: .venv/test.ready
	@$(UV_COMPILE) --extra build --extra worker --extra local --extra spark --extra steps --extra sftp --extra mssql --extra mongodb --extra dev setup.cfg -o requirements/dev.lock
	@$(UV_COMPILE) --extra build --extra worker --extra local --extra steps --extra sftp -c requirements/dev.lock setup.cfg -o requirements/demo.lock
	@$(UV_COMPILE) --extra worker -c requirements/dev.lock setup.cfg -o requirements/worker.lock
	@$(UV_COMPILE) --extra worker --extra steps --extra sftp -c requirements/dev.lock setup.cfg -o requirements/worker-with-steps.lock
	@$(UV_COMPILE) --extra bench -c requirements/dev.lock setup.cfg -o requirements/bench.lock
	@$(UV_COMPILE) --no-annotate -c requirements/dev.lock requirements/lambda.in -o requirements/lambda.lock
	@$(UV_COMPILE) --no-universal --python-platform x86_64-manylinux_2_28 --no-annotate -c requirements/dev.lock requirements/steps.in -o requirements/steps.lock

clean:
	@rm -rf .venv build
