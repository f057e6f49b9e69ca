# Set up and run everything. `make help` lists the targets.
# PYTHON: version of the interpreter, 3.11 or 3.12; when the environment is set up.
# CORES: cores for Snakemake; for what runs the workflow (perf_report, tune, deploy, backend, benchmark).
# CONFIG: overlay files; for the same, and for serve, demo, soak and verify.
# RUN: name of a run; for compare, evaluate, new and screenshots.
# BASE: perf_summary.json of an earlier run; for compare.
# VARIANT: what to serve, or all; PORT: of the server or the page; for serve, ask and demo.
# MODEL: a model file or model.onnx for new; the name of a served model for ask.
# REQUIREMENTS: a file of further packages that the model file imports; for new.
# DURATION: seconds; for soak.
# IMAGE: an image file; PROTOCOL: http or grpc; for ask.
# DATASET: a .npz with samples and labels, or IMAGES and LABELS: two IDX files; for evaluate.
PYTHON ?= >=3.11,<3.13
CORES ?= 4
CONFIG ?=
VARIANT ?= openvino
PORT ?=
BASE ?=
MODEL ?=
IMAGE ?= docs/images/seven.png
PROTOCOL ?= http
REQUIREMENTS ?=
DATASET ?=
IMAGES ?=
LABELS ?=
DURATION ?= 600
RUN ?= $(lastword $(shell sed -n 's/^run: *//p' config/config.yaml $(CONFIG)))
UV_VERSION := 0.13.9

VENV := .venv
ANALYZER := .venv-model-analyzer
MODELOPT := .venv-modelopt
UV := $(shell command -v uv || echo .venv-uv/bin/uv)
# Relocatable: its programs find their Python beside them, so that a clone may move (cp -a, mv, another mount).
CREATE := $(UV) venv --quiet --relocatable --clear --python '$(PYTHON)'
SYNC := $(UV) pip sync --quiet --require-hashes --python $(VENV)/bin/python
# The program $2 of an environment $1 says in its first line where it was installed; of a relocatable one it says no place.
installed = $(shell test -f $1/bin/$2 && sed -n '1s,^\#!\(.*\)/bin/python[0-9.]*$$,\1,p' $1/bin/$2)
# Environments of earlier versions that moved with their clone would start the programs of the old one.
moved = $(if $(filter-out $(realpath $1),$(call installed,$1,$2)),moved)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Where the commands and the rules' scripts find their modules.
export PYTHONPATH := $(CURDIR)/workflow/scripts
# Their messages name these variables instead of options.
export STARTED_BY = make $@
OVERLAY := $(if $(CONFIG),--configfile $(CONFIG))
# Before Snakemake, which says less of a file that is missing or no YAML; and what the model needs besides.
CHECK = python -m commands.check $(OVERLAY) --uv $(UV)
SERVED := $(OVERLAY) $(if $(PORT),--port $(PORT))

.DEFAULT_GOAL := help
.PHONY: moved help perf_report backend tune deploy compare modelopt new serve ask demo soak evaluate verify test test-slow test-all lint audit format sync docs screenshots recording lock benchmark clean distclean

help: ## List the targets and the variables
	@grep -hE '^[a-z_-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
	@echo
	@echo 'Variables, as in make perf_report CORES=8:'
	@sed -n '/^# PYTHON:/,/^[^#]/s/^# /  /p' $(firstword $(MAKEFILE_LIST))

perf_report: $(VENV)/.main ## Set up, run the workflow, write artifacts/<run>/report/
	@$(if $(CONFIG),$(CHECK))
	snakemake --cores $(CORES) perf_report $(OVERLAY)

tune: $(VENV)/.main $(ANALYZER)/.done ## Search for the best configuration within the SLO: artifacts/<run>/tune/
	@$(if $(CONFIG),$(CHECK))
	snakemake --cores $(CORES) tune $(OVERLAY)

deploy: $(VENV)/.main $(ANALYZER)/.done ## Tune, then write what serves the result elsewhere: artifacts/<run>/deploy/
	@$(if $(CONFIG),$(CHECK))
	snakemake --cores $(CORES) deploy $(OVERLAY)

compare: $(VENV)/.main ## Compare artifacts/RUN with an earlier run: make compare BASE=path/to/perf_summary.json [RUN=…]
	@exec python -m commands.compare artifacts/$(RUN)/report/perf_summary.json --base '$(BASE)'

modelopt: $(MODELOPT)/.done ## Install ModelOpt, for TensorRT engines in fp16 and int8

new: $(VENV)/.main ## Write the configuration of your own model: make new MODEL=path/to/model.py [REQUIREMENTS=…]
	@exec python -m commands.new --model '$(MODEL)' $(if $(filter-out file,$(origin RUN)),--run '$(RUN)') \
	  $(if $(REQUIREMENTS),--requirements '$(REQUIREMENTS)' --uv $(UV))

serve: $(VENV)/.main ## Serve a variant in the foreground: make serve VARIANT=openvino (or VARIANT=all) [PORT=8000]
	@exec python -m commands.serve $(SERVED) $(if $(filter all,$(VARIANT)),--all,--variant $(VARIANT))

ask: $(VENV)/.main ## Send an image to a served model: make ask IMAGE=seven.png [PORT=8000] [PROTOCOL=grpc] [MODEL=name]
	@exec python -m commands.client --image '$(IMAGE)' --protocol $(PROTOCOL) $(if $(PORT),--port $(PORT)) \
	  $(if $(MODEL),--model '$(MODEL)')

demo: $(VENV)/.main ## Serve every variant and a page to draw on: make demo [PORT=8080]
	@exec python -m commands.demo $(SERVED)

soak: $(VENV)/.main ## Keep a server of every variant under mixed load, and check what it answers: make soak [DURATION=600]
	@exec python -m commands.soak $(OVERLAY) --duration $(DURATION)

evaluate: $(VENV)/.main ## Accuracy of a run's model.pt: make evaluate DATASET=test.npz (or IMAGES=… LABELS=…) [RUN=name]
	@exec python -m commands.evaluate --model artifacts/$(RUN)/model/model.pt $(OVERLAY) $(if $(DATASET),--dataset '$(DATASET)') \
	  $(if $(IMAGES),--images '$(IMAGES)') $(if $(LABELS),--labels '$(LABELS)')

verify: $(VENV)/.main ## Compare the files of a run with the checksums in its manifest
	@python -m commands.verify $(OVERLAY)

test: $(VENV)/.dev ## Set up, test what the README promises (a quarter of an hour on two cores)
	pytest -m 'not slow'

test-slow: $(VENV)/.dev $(ANALYZER)/.done $(MODELOPT)/.done ## The tests that take long: searches, Slurm, every rule killed, the rerun table
	pytest -m slow

test-all: $(VENV)/.dev $(ANALYZER)/.done $(MODELOPT)/.done ## All tests: those of make test, then the slow ones, which use the same run
	pytest

lint: $(VENV)/.dev ## Check format, style, types and the workflow
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	clang-format --dry-run -Werror workflow/backends/native/*.cpp workflow/backends/native/*.h tests/*.c
	mypy
	lint-imports --no-cache --no-logo
	snakemake --lint

audit: $(VENV)/.main | $(UV) ## Look up published vulnerabilities of all locks, but those that envs/audit.yaml explains
	@python tools/audit.py --uv $(UV) --exceptions envs/audit.yaml $(wildcard envs/*.txt)

format: $(VENV)/.dev ## Format the code
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules
	clang-format -i workflow/backends/native/*.cpp workflow/backends/native/*.h tests/*.c

benchmark: $(VENV)/.main ## Measure our variants against the demo's PyTriton server, and bls against its one-by-one form; CPU time by process
	snakemake --cores $(CORES) repositories $(OVERLAY)
	python benchmarks/pytriton_demo.py $(OVERLAY)
	python benchmarks/bls_batched.py $(OVERLAY)
	python benchmarks/cpu_time.py $(OVERLAY)

backend: $(VENV)/.main ## Compile the native backends into artifacts/backends/, a --backend-directory for any Triton
	snakemake --cores $(CORES) backend

sync: $(VENV)/.main | $(UV) ## Install what the locks say, and nothing else; with CONFIG=… also what its model needs
	@$(CHECK)

docs: $(VENV)/.dev ## Renew the tables in config/README.md, docs/your-model.md and docs/reruns.md, and the picture in docs/architecture.md
	python tools/config_docs.py --write config/README.md
	python tools/zoo_table.py
	python tools/rule_graph.py
	python tools/reruns.py --write docs/reruns.md
	PYTHONPATH=$(PYTHONPATH):tools:tests python tests/test_reliability.py

screenshots: $(VENV)/.dev ## Renew the pictures of the report in docs/images from the default run (needs chromium)
	@test -f artifacts/$(RUN)/report/perf_report.html || \
	  { echo 'make screenshots: error: run $(RUN) has no report. Hint: make perf_report, or RUN=name'; exit 2; }
	python tools/screenshots.py artifacts/$(RUN)/report/perf_report.html docs/images

recording: $(VENV)/.dev ## Renew the picture of the terminal in docs/images by a small run
	python tools/recording.py docs/images/terminal.svg snakemake --cores $(CORES) --configfile tests/configs/full.yaml

lock: | $(UV) ## Resolve the dependencies again
	$(UV) pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o envs/main.txt
	$(UV) pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q \
	  --extra dev -c envs/main.txt -o envs/dev.txt
	$(UV) pip compile envs/model_analyzer.in --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q \
	  -o envs/model_analyzer.txt
	$(UV) pip compile envs/modelopt.in --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q \
	  -o envs/modelopt.txt

clean: ## Remove all outputs
	find artifacts -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf .snakemake

distclean: clean ## Remove the environments too
	rm -rf .venv .venv-uv .venv-requirements $(ANALYZER) $(MODELOPT)

# The stamps say what .venv holds: dev.txt is main.txt and more.
MOVED := $(call moved,$(VENV),snakemake)
$(VENV)/.main: envs/main.txt $(MOVED) | $(VENV)/bin/python $(UV)
	@echo "Installing the locked environment into $(VENV) (once)"
	$(SYNC) envs/main.txt
	@rm -f $(VENV)/.dev
	@touch $@

$(VENV)/.dev: envs/dev.txt envs/main.txt $(MOVED) | $(VENV)/bin/python $(UV)
	@echo "Installing the locked development environment into $(VENV) (once)"
	$(SYNC) envs/dev.txt
	@touch $(VENV)/.main $@

$(ANALYZER)/.done: envs/model_analyzer.txt $(call moved,$(ANALYZER),model-analyzer) | $(UV)
	@echo "Installing Model Analyzer's locked environment into $(ANALYZER) (once)"
	$(CREATE) $(ANALYZER)
	$(UV) pip sync --quiet --require-hashes --python $(ANALYZER)/bin/python envs/model_analyzer.txt
	@touch $@

$(MODELOPT)/.done: envs/modelopt.txt | $(UV)
	@echo "Installing ModelOpt's locked environment into $(MODELOPT) (once)"
	$(CREATE) $(MODELOPT)
	$(UV) pip sync --quiet --require-hashes --python $(MODELOPT)/bin/python envs/modelopt.txt
	@touch $@

$(VENV)/bin/python: $(MOVED) | $(UV)
	$(CREATE) $(VENV)

.venv-uv/bin/uv:
	@python3 -m venv .venv-uv || { echo "Hint: install Python's venv (Debian: apt-get install python3-venv)"; exit 1; }
	.venv-uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
