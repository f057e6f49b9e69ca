"""What the stages share: the checked configuration, and how a rule names its settings and its code."""

import json
import os
import shlex
import sys
from pathlib import Path

PROJECT = Path(workflow.current_basedir).parent
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from plan.loads import loads, sample_shapes
from program.cli import UserError
from program.environment import prepare_environment, stop_on_hangup
from model.model_file import FUNCTIONS
from program.imports import project_imports, top_level_imports
from serve import install
from serve.variants import ENCODED, SERVER_PACKAGES, VARIANTS, computing, kind_of, of_kind, model_of
from plan.hardware import require_gpu, require_target
from model import shapes
from plan.lock import versions
from plan.requirements import require_programs, require_search_server
from plan.config import checked, declared_by
from plan.constraints import parsed

prepare_environment()
stop_on_hangup()

try:
    CONFIG = checked(config, Path.cwd())
except UserError as error:
    sys.exit(str(error))

RESULTS = f"artifacts/{config['run']}"
BACKENDS = os.path.relpath(PROJECT / "workflow" / "backends")
MODEL = config["model"]
# Empty where the model is a ready graph.
MODEL_FILE = [MODEL["file"]] if MODEL["file"] else []
# What the model file has, found by reading it: without a data set there is no rule dataset, without training no split of
# it to train with.
DECLARED = declared_by(CONFIG, Path.cwd())
DATASET = config["dataset"]["source"] is not None
# Whether there are raw samples and what a model makes of them.
RAW = DATASET and MODEL["raw"] is not None
TRAINS = DATASET and "train" in DECLARED.functions
INNER = config["serving"]["inner"]
SERVER = config["server"]
# What a job that serves asks of its machine, and the container that it runs in with --sdm apptainer.
IMAGE = config["serving"]["image"] if SERVER == "native" else None
GPUS = int(config["serving"]["device"] == "cuda")
TUNE = config["tune"]
# The jobs of a search that start a Triton of this machine, by tune.launch.
STARTS_TRITON = {"local": ("tune_search", "tune_proof"), "docker": ("tune_proof",), "remote": ()}
ENGINES = sorted({model_of(name, INNER).engine for name in config["variants"]} - {None} | {*config["engines"]})


# For rules whose results are good on any machine, which Snakemake may take from a cache that several clones share
# (docs/reruns.md). They have no benchmark: what comes from a cache took no time, and Snakemake refuses the two together.
CACHE = workflow.workflow_settings.cache is not None
# Inputs that are made up, for each shape.
SAMPLES = 16

# Of engines that may have several profiles; each batch runs with the narrowest one that admits it.
PROFILES = [config["profile"], *config["extra_profiles"]]


# Jobs that are submitted find their GPU and their Triton elsewhere; a dry run needs none.
onstart:
    if workflow.local_exec:
        try:
            check_machine(list(workflow.dag.needrun_jobs()))
        except UserError as error:
            sys.exit(str(error))


# The variants whose own model is called without a server, once for all that serve it; a native backend runs in Triton
# alone.
CALLABLE = [name for kind in ("model", "pytriton") for name in of_kind(kind, SERVER) if VARIANTS[name].computes]
IN_PROCESS = sorted({computing(name, INNER) for name in config["variants"]}.intersection(CALLABLE))
REPEATS = range(1, config["sweep"]["repeats"] + 1)
# Of the samples that are sent, as in the column `shape`: empty where all axes of the model are fixed.
SHAPES = sample_shapes(config)
# What makes up samples of shapes that the reference has none of.
SAMPLED = MODEL_FILE if SHAPES != [""] and "example" in DECLARED.functions else []


wildcard_constraints:
    variant="|".join(VARIANTS),
    repeat=r"[1-9]\d*",


def check_machine(jobs):
    """Raises UserError when this machine lacks what some jobs need: a GPU, one that fits, programs, a Triton."""
    require_gpu({job.rule.name for job in jobs if job.resources.get("gpu")})
    require_programs(
        {job.rule.name for job in jobs if job.container_img is None},
        config["engine"]["modelopt"],
        TUNE["model_analyzer"],
    )
    served = [job for job in jobs if job.rule.name in ("healthcheck", "sweep")]
    if any(model_of(job.wildcards.variant, INNER).engine == "tensorrt_rtx" for job in served):
        require_target("engine.tensorrt_rtx.targets", config["engine"]["tensorrt_rtx"]["targets"])
    require_search_server({job.rule.name for job in jobs}, tune_launch())
    served += [job for job in jobs if job.rule.name in STARTS_TRITON[TUNE["launch"]]]
    # The image is there with --sdm apptainer alone.
    if SERVER == "native" and any(job.container_img is None for job in served):
        install.require_native()


def settings(**parts):
    """A rule's settings as canonical JSON.

    Snakemake compares params as an unordered set of their texts; a single text in a fixed order makes that exact.
    """
    return json.dumps(parts, sort_keys=True)


SCRIPTS = PROJECT / "workflow" / "scripts"


def code(script, *calls):
    """A script and the project's modules that it imports: editing any of them reruns its rule.

    `calls`: functions of the model file that it calls; what the others import is left aside.
    """
    found = project_imports(SCRIPTS / script, SCRIPTS)
    if calls and MODEL_FILE:
        imported = project_imports(Path(MODEL["file"]), SCRIPTS, FUNCTIONS - {*calls})[1:]
        found += [path for path in imported if path not in found]
    return [os.path.relpath(path) for path in found]


def libraries(script, *files, packages=(), calls=()):
    """Locked versions of what a script, its modules and further files import, and of `packages`, as settings().

    `calls`: as for code().
    """
    imports = top_level_imports(Path(MODEL["file"]), FUNCTIONS - {*calls}) if calls and MODEL_FILE else ()
    return settings(**versions([*map(Path, code(script, *calls)), *map(Path, files)], packages, imports))


def options(**files):
    """The options of a command that name files, without those for which there is none."""
    return " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(path))}" for name, path in files.items() if path)


def runtime(wildcards):
    """The file that loads the model of a variant."""
    return f"{BACKENDS}/{model_of(wildcards.variant, INNER).runtime}"


def names(tensors):
    """Names of inputs or outputs, in order."""
    return [tensor["name"] for tensor in tensors]


def served_name(variant):
    """Name of the served model of a variant."""
    pytriton = VARIANTS[variant].kind == "pytriton"
    return config["pytriton"]["name"] if pytriton else f"{config['model']['name']}_{variant}"


def served_model(variant):
    """Inputs and outputs that a variant shows to its clients."""
    described = config["model"]["raw"] if VARIANTS[variant].raw else config["model"]
    served = {side: list(described[side]) for side in ("inputs", "outputs")}
    if VARIANTS[variant].kind == "pytriton":
        for side, given in served.items():
            served[side] = [{**tensor, "name": name} for tensor, name in zip(given, config["pytriton"][side])]
    if VARIANTS[variant].kind == "bls":
        served["inputs"].append(ENCODED)
    return served


def served_profile(variant):
    """The part of the profile that a variant knows: opt is the engines' alone."""
    bounds = ("min", "opt", "max") if model_of(variant, INNER).engine else ("min", "max")
    return {bound: config["profile"][bound] for bound in bounds}


def largest(variant):
    """The size of every axis beyond which a variant refuses a request.

    Triton itself bounds the batch; what takes raw samples, and a backend without an engine, knows no other bound.
    """
    high = shapes.parse(config["profile"]["max"])
    named = {
        axis: size
        for tensor in MODEL["inputs"]
        for axis, size in zip(tensor["dims"], high[tensor["name"]][1:])
        if isinstance(axis, str)
    }
    described = VARIANTS[variant]
    unbounded = described.raw or (kind_of(variant, SERVER) == "native" and described.engine is None)
    return {"batch": shapes.batch(high), **({} if unbounded else named)}


def made_up():
    """Shapes of inputs that are made up: sizes of opt, min and max where axes vary or there is no data set."""
    if DATASET and not shapes.axes([tensor["dims"] for tensor in MODEL["inputs"]]):
        return []
    profile = shapes.parse_profile(config["profile"])
    found = []
    for bound in ("opt", "min", "max"):
        sizes = {name: [SAMPLES, *dims] for name, dims in shapes.sample(profile[bound]).items()}
        if sizes not in found:
            found.append(sizes)
    return found


def artifact(variant):
    """The file that a variant runs, if it runs one."""
    path = model_of(variant, INNER).artifact
    return f"{RESULTS}/{path}" if path else []


def graph(precision):
    """The graph whose types an engine of this precision computes in."""
    lower = precision in ("fp16", "int8")
    return f"{RESULTS}/export/model.{precision}.onnx" if lower else f"{RESULTS}/export/model.onnx"


def served_device(variant):
    """Where a variant's model runs: where the config says, or on CPU when it does not compute."""
    wanted = config["serving"]["device"]
    return wanted if wanted in model_of(variant, INNER).devices else "cpu"


def record(variant):
    """What the engine of a variant says of itself, if it has one."""
    engine = model_of(variant, INNER).engine
    return f"{RESULTS}/engine/{engine}/engine.json" if engine else []


def threads_of(variant):
    """CPU threads of an instance of a variant's model."""
    asked = config["serving"]["threads"]
    return model_of(variant, INNER).threads if asked == "auto" else asked


def instances(variant, device):
    """The serving settings of a variant's Python model that runs on `device`."""
    kept = ("instances", "max_queue_delay_us")
    return {"device": device, "threads": threads_of(variant), **{key: config["serving"][key] for key in kept}}


def triton(variant):
    """Which Triton serves a variant: PyTriton has its own."""
    return "bundled" if VARIANTS[variant].kind == "pytriton" else SERVER


def sweep_settings():
    """The load levels and how they are measured; the objective is that of requests sent at a rate alone."""
    used = ["window_ms", "stability_percent", "max_windows", "samples"]
    if config["sweep"]["request_rates"]:
        used.append("slo_ms")
    levels = [vars(load) for load in loads(config["sweep"], SHAPES)]
    return {"loads": levels, **{key: config["sweep"][key] for key in used}}


def reference(wildcards):
    """What a variant's answers are compared with, in the form that it takes and gives."""
    outputs = rules.export.output
    return outputs.raw_reference if VARIANTS[wildcards.variant].raw else outputs.reference


def tune_goal():
    """What a search is to find."""
    return {"objectives": TUNE["objectives"], "constraints": parsed(TUNE["constraints"])}


def tune_steering():
    """What steers a search: where every combination is measured, nothing does."""
    return {} if TUNE["mode"] == "manual" else tune_goal()


def tune_launch():
    """Who starts the server of a search, and what it has to know for that."""
    mode = TUNE["launch"]
    known = {"docker": {"image": config["serving"]["image"].removeprefix("docker://")}, "remote": TUNE["remote"]}
    return {"mode": mode, **known.get(mode, {})}


def tune_windows():
    """How long a measurement of a search and of its proof takes, over which protocol and with which samples."""
    kept = ("window_ms", "stability_percent", "max_windows", "samples")
    first = {"protocol": config["sweep"]["protocols"][0], "shape": SHAPES[0]}
    return {**first, **{key: config["sweep"][key] for key in kept}}


def base_of_gate(wildcards):
    """The earlier run's figures; asked for when the gate is."""
    if not config["compare"]["base"]:
        sys.exit("config: compare.base: empty. Hint: the perf_summary.json of the run that this one is compared with")
    return config["compare"]["base"]
