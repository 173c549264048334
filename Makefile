# One target a habit. Each works from a fresh clone alone; a bare machine needs make and Python 3.11 or later.

PYTHON ?= python3

PY := .venv/bin/python
UV := .venv/bin/uv
# Node and npm come from the virtual environment as well.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# As pip and uv do: a company's own certificate authority is known to the system.
export NODE_USE_SYSTEM_CA := 1
# What the CDK unpacks, and the caches where the home can hold none: in this folder.
export JSII_RUNTIME_PACKAGE_CACHE_ROOT ?= $(CURDIR)/.build/jsii
ifneq ($(shell [ -d "$$HOME" ] && [ -w "$$HOME" ] && echo writable),writable)
export PIP_CACHE_DIR ?= $(CURDIR)/.build/cache/pip
export UV_CACHE_DIR ?= $(CURDIR)/.build/cache/uv
export npm_config_cache ?= $(CURDIR)/.build/cache/npm
endif
# What a shell may hold of another project; and bytecode is kept, since uv compiles none and every start would.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE NODE_ENV
# Of the settings of pip, uv and npm only those that say from where and how to fetch: not into which folder, or what.
FETCHING := INDEX% DEFAULT_INDEX EXTRA_INDEX_URL FIND_LINKS NO_INDEX TRUSTED_HOST INSECURE_HOST KEYRING_PROVIDER \
	CERT CLIENT_CERT PROXY DEFAULT_TIMEOUT TIMEOUT RETRIES HTTP_% REQUEST_TIMEOUT CONCURRENT_% SYSTEM_CERTS NATIVE_TLS \
	OFFLINE CACHE_DIR NO_CACHE NO_CACHE_DIR CONFIG_FILE LINK_MODE PYTHON_INSTALL_DIR PYTHON_INSTALL_MIRROR
unexport $(filter-out $(FETCHING:%=PIP_%) $(FETCHING:%=UV_%), $(filter PIP_% UV_%, $(.VARIABLES)))
# npm reads its own in any mix of cases, and with - for _.
NPM_FETCHING := registry|proxy|https.proxy|no.?proxy|ca|cafile|cert|key|strict.ssl|_auth.*|//.*|@.*|cache|userconfig
NPM_FETCHING := $(NPM_FETCHING)|globalconfig|fetch.*|maxsockets|offline|prefer.offline
unexport $(shell printf '%s\n' $(foreach name,$(.VARIABLES),'$(name)') | grep -i '^npm_config_' | \
	grep -viE '^npm_config_($(NPM_FETCHING))$$')

PYTHON_STAMP := .venv/.installed
NODE_STAMP := node_modules/.installed
PY313 := .build/venv-3.13
PY313_STAMP := $(PY313)/.installed
SOURCES := functions infra local ops tools bench tests
ASL := $(wildcard statemachine/*.asl.json)

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help install up env down status demo verify check test faults soak properties load audit lint format schemas docs bench coverage synth diff deploy destroy lock release clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(PYTHON_STAMP) $(NODE_STAMP)  ## build .venv and node_modules from the locked versions

up: install  ## start the local AWS, deploy, print its export lines (PORT=4566; 0 is any free one)
	@$(PY) -m local.aws up $(if $(PORT),--port $(PORT))

env: install  ## print the export lines of the local AWS that is up, without deploying: eval "$(make -s env)"
	@.venv/bin/orders env --local

down: install  ## stop the local AWS; its state is gone then
	@$(PY) -m local.aws down

status: install  ## say whether and where the local AWS runs
	@$(PY) -m local.aws status

demo: install  ## the whole story on a local AWS of its own
	@$(PY) -m local.demo

verify: install  ## have the doctor try a stage, and keep its report in .build/evidence (STAGE=dev; prod is not broken on purpose)
	@mkdir -p .build/evidence
	@report=.build/evidence/doctor-$(or $(STAGE),dev)-$$(date -u +%Y%m%dT%H%M%SZ).json; code=0; \
	.venv/bin/orders doctor --stage $(or $(STAGE),dev) --probe $(if $(filter prod,$(STAGE)),,--deep --yes) --json > $$report \
		|| code=$$?; if [ -s $$report ]; then echo $$report; else rm $$report; fi; exit $$code

check: install  ## the inner loop: lint and the functions' own tests (a minute; two the first time, while mypy has no cache)
	@$(MAKE) --no-print-directory -j2 test-unit lint

# Quick static checks first, then the parts side by side, in this order: two wait for a local AWS more than they compute.
test: install  ## every check and test
	@$(MAKE) --no-print-directory -j2 lint-quick bytecode
	@$(MAKE) --no-print-directory -j5 test-deployed test-ops test-schedules test-functions types test-stack test-3.13

UNIT := tests/functions
DEPLOYED := tests/deployed tests/iam
OPS := tests/local tests/ops tests/tools
SCHEDULES := tests/schedules tests/statemachine
.PHONY: bytecode test-unit test-functions test-schedules test-stack test-deployed test-ops
# What most parts import, compiled before each of them would do it.
bytecode: install
	@$(PY) -c 'import hypothesis, jsonschema, moto.dynamodb.models, moto.ses.models, moto.sqs.models, moto.stepfunctions.models, pytest'

test-unit: install
	$(PY) -m pytest -q $(UNIT)

# Measured under their own tests alone: measuring makes tests take two thirds longer on Python 3.11.
test-functions: install
	@$(call run_beside,$(PY),--cov=functions $(UNIT))

test-schedules: install
	@$(call run_beside,$(PY),$(SCHEDULES))

test-stack: install
	@$(call run_beside,$(PY),$(patsubst %,--ignore=%,$(UNIT) $(DEPLOYED) $(OPS) $(SCHEDULES)))

test-deployed: install
	@$(call run_beside,$(PY),$(DEPLOYED))

test-ops: install
	@$(call run_beside,$(PY),$(OPS))

# Tests beside others: a failure is one line at once, and the whole output afterwards; without one the last line is enough.
run_beside = mkdir -p .build; bash -o pipefail -c '$(1) -m pytest -v -p no:cacheprovider $(2) 2>&1 \
	| tee .build/$@.log | { grep -E --line-buffered "^[^ ]+::.* (SUBFAILED|FAILED|ERROR)" || true; }' \
	|| { cat .build/$@.log; exit 1; }; tail -n 1 .build/$@.log

.PHONY: lint-quick types
lint: lint-quick types  ## ruff, mypy, the arrows between folders, both validators of the state machine, and the workflows

lint-quick: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports --no-logo
	.venv/bin/statelint $(ASL)
	node_modules/.bin/asl-validator $(ASL:%=--json-path %)
	.venv/bin/zizmor --quiet --offline .github

FLOORS := functions=95 bench=0 infra=95 local=0 ops=0 tools=92
coverage: install  ## run all tests, and check how much of each folder they run
	$(PY) -m pytest -q --cov --cov-report= --cov-fail-under=0
	@for floor in $(FLOORS); do \
		printf '%-10s %% covered, at least %s: ' "$${floor%=*}" "$${floor#*=}"; \
		$(PY) -m coverage report --format=total --include="$${floor%=*}/*" --fail-under="$${floor#*=}" || below=1; \
	done; exit $${below:-0}

types: install
	$(PY) -m mypy

format: install  ## put the code into its one format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

schemas: install  ## write the schemas of what the commands print with --json
	@$(PY) -m tools.schemas

docs: install  ## build the documentation's site, .build/site; SERVE=1 serves it and builds it anew with each change
	@.venv/bin/zensical build --clean --strict >&2
	@echo .build/site/index.html
	@$(if $(SERVE),.venv/bin/zensical serve)

faults: install  ## every fault at every AWS call, alone and in pairs
	FAULTS=full $(PY) -m pytest -q tests/schedules/test_matrix.py

soak: install  ## draw schedules for 100,000 steps, and every interleaving (STEPS=, SEED=)
	@$(PY) -m tests.schedules.soak --steps $(or $(STEPS),100000) --exhaustive $(if $(SEED),--seed $(SEED))

properties: install  ## draw many more examples than at a change for each test that draws some (SEED=)
	@seed=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')); echo "seed $$seed; once more: make properties SEED=$$seed"; \
		$(PY) -m pytest -q -m hypothesis --hypothesis-profile=nightly --hypothesis-seed=$$seed $(PROPERTIES)

load: install  ## a burst of 1,000 orders, accounted for (LOAD_ARGS="--orders 200 --seed 7")
	@$(PY) -m local.load $(LOAD_ARGS)

audit: install  ## known vulnerabilities of the locked packages, and the bill of materials (.build/sbom.json)
	@$(PY) -m tools.audit

bench: install  ## measure the functions and the flow against their bounds
	@$(PY) -m bench

synth: install  ## write the CloudFormation template (STAGE=local)
	node_modules/.bin/cdk synth --quiet --no-notices -c stage=$(or $(STAGE),local) $(CDK_ARGS)

diff: on-aws install  ## say what a deploy would change on AWS (STAGE=dev)
	node_modules/.bin/cdk diff order-processing-$(or $(STAGE),dev) --no-notices -c stage=$(or $(STAGE),dev) $(CDK_ARGS)

deploy: stage-named install  ## deploy to AWS, saying first what that takes away; TAKE_AWAY=1 agrees (STAGE=dev CDK_ARGS="-c key=value")
	@$(PY) -m tools.deploy $(STAGE) $(if $(filter 1 yes true,$(TAKE_AWAY)),--take-away) $(CDK_ARGS)

destroy: stage-named on-aws install  ## delete a stage on AWS, after a question; prod keeps its tables (STAGE=dev)
	node_modules/.bin/cdk destroy order-processing-$(STAGE) --no-notices -c stage=$(STAGE) $(CDK_ARGS)

# Pointed at the local AWS, a shell would be told that nothing is there to be deleted.
.PHONY: on-aws
on-aws:
	@case "$$AWS_ENDPOINT_URL" in http://127.0.0.1*|http://localhost*) \
		echo "error: this shell is pointed at the local AWS: use one in which its export lines were not evaluated" >&2; exit 1;; esac

.PHONY: stage-named
stage-named:
	@[ -n "$(STAGE)" ] || { echo "error: name the stage, as in STAGE=dev" >&2; exit 1; }

# The commands are the ones that stand in each file's header.
lock: install  ## write requirements/ from pyproject.toml (UPGRADE=--upgrade takes newer versions)
	$(UV) pip compile -q $(UPGRADE) --generate-hashes --universal --no-annotate pyproject.toml -o requirements/functions.txt
	$(UV) pip compile -q $(UPGRADE) --generate-hashes --universal --no-annotate --extra cli --group dev \
		-c requirements/functions.txt pyproject.toml -o requirements/dev.txt
	{ head -n 1 requirements/bootstrap.txt; awk '/^[^ ]/ { keep = /^uv==/ } keep' requirements/dev.txt; } \
		> requirements/bootstrap.new && mv requirements/bootstrap.new requirements/bootstrap.txt
	npm install --package-lock-only --no-fund --no-audit

release: install  ## check and try the version, print its notes; RELEASE=--tag makes its commit and tag
	@$(PY) -m tools.release $(RELEASE)

clean:  ## remove all that was built; `make install` builds it again
	@if [ -x $(PY) ] && [ -f .local/aws.json ]; then $(PY) -m local.aws down; fi
	rm -rf .venv node_modules .build .cache .local cdk.out .mypy_cache .ruff_cache .pytest_cache .coverage htmlcov .hypothesis
	find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# ---------------------------------------------------------------------------------------------------- installation

$(PYTHON_STAMP): requirements/bootstrap.txt requirements/dev.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "error: $(PYTHON) is not there. Install Python 3.11 or later, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: $(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "installing the Python packages …" >&2
	@$(PY) -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-user --require-hashes -r requirements/bootstrap.txt
	@[ -x $(UV) ] || { \
		echo "error: pip installed uv elsewhere than into .venv. See \`pip config list\` (pip.conf) for a target, prefix or root" >&2; exit 1; }
	@$(UV) pip sync --quiet --python $(PY) --require-hashes requirements/dev.txt
	@# The `orders` command, in place; --offline, since it needs nothing that is not here by now.
	@$(UV) pip install --quiet --offline --no-deps --python $(PY) --editable .
	@# Files with settings can lead elsewhere too, and they also say from where to fetch: so they are read, and this is checked.
	@$(PY) -I -c 'import boto3, typer' 2>/dev/null && [ -x .venv/bin/orders ] || { \
		echo "error: uv installed elsewhere than into .venv. See uv.toml (in ~/.config/uv, /etc/uv, or \$$UV_CONFIG_FILE) for a target or prefix" >&2; exit 1; }
	@# Bytecode and the CDK's own unpacking, now rather than in the time of the first deploy; a failure shows there.
	@$(PY) -c 'import infra.app, ministack.app, aws_lambda_powertools, awslambdaric, boto3' >/dev/null 2>&1 || true
	@touch $@

$(NODE_STAMP): $(PYTHON_STAMP) package.json package-lock.json .npmrc
	@echo "installing the npm packages …" >&2
	@npm ci --include=dev --global=false --dry-run=false --no-fund --no-audit --no-update-notifier --loglevel=error >&2
	@[ -x node_modules/.bin/cdk ] && [ -x node_modules/.bin/asl-validator ] || { \
		echo "error: npm installed no commands into node_modules/.bin. See \`npm config list\` (.npmrc) for bin-links or prefix" >&2; exit 1; }
	@touch $@

# -------------------------------------------------------------------------------------------------- Python 3.13 too

# A name on PATH may be a version manager's shim that does not run, so each candidate is tried.
FIND_PY313 = for candidate in python3.13 "$$HOME"/.pyenv/versions/3.13*/bin/python $$($(UV) python dir 2>/dev/null)/*3.13*/bin/python; do \
	"$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1 && { command -v "$$candidate"; break; }; done

.PHONY: test-3.13
test-3.13: install
	@if $(PY) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))'; then \
		echo "the other tests run on Python 3.13, the one the functions run on"; \
	elif [ -z "$$($(FIND_PY313))" ]; then \
		echo "no Python 3.13 here, so the functions' tests run on $$($(PY) -V) only"; \
	else \
		$(MAKE) --no-print-directory $(PY313_STAMP) && echo "the functions' tests on Python 3.13" && \
		{ $(call run_beside,$(PY313)/bin/python,$(UNIT)); }; \
	fi

$(PY313_STAMP): requirements/dev.txt $(PYTHON_STAMP)
	@rm -rf $(PY313)
	@$(UV) venv --quiet --python "$$($(FIND_PY313))" $(PY313)
	@$(UV) pip sync --quiet --python $(PY313)/bin/python --require-hashes requirements/dev.txt
	@touch $@
