"""Whether this machine has what the jobs of a run need, asked before the first of them."""

from collections.abc import Sequence

from plan import processor
from plan.hardware import require_gpus, require_target
from plan.requirements import require_programs, require_search_server
from plan.rule_settings import RuleSettings
from plan.snakemake_internals import PlannedJob
from program.environment import require_files, require_temporary
from serve import install

# The jobs of a search that start a Triton of this machine, by tune.launch.
STARTS_TRITON = {"local": ("tune_search", "tune_halving", "tune_proof"), "docker": ("tune_proof",), "remote": ()}
SERVING = ("healthcheck", "sweep", "head_to_head")


def warnings(jobs: Sequence[PlannedJob], settings: RuleSettings) -> list[str]:
    """A line for each precision that some jobs measure and that this processor emulates."""
    measured = {job.wildcards["variant"] for job in jobs if job.rule == "sweep"}
    served = [settings.plan.served(name).runs.precision for name in settings.plan.variants if name in measured]
    return processor.warnings(served, processor.flags())


def require(jobs: Sequence[PlannedJob], settings: RuleSettings) -> None:
    """Raises UserError when this machine lacks what some jobs need: a GPU, one that fits, programs, a Triton."""
    config = settings.plan.config
    names = {job.rule for job in jobs}
    require_gpus({job.rule for job in jobs if job.gpus}, max((job.gpus for job in jobs), default=0))
    # A container brings its own.
    here = {job.rule for job in jobs if not job.contained}
    require_programs(here, config.engine.modelopt, config.tune.model_analyzer)
    if names & {*SERVING, "tune_search", "tune_halving", "tune_proof"}:
        require_temporary()
        require_files()
    served = [job.wildcards.get("variant") for job in jobs if job.rule in SERVING]
    engines = {settings.plan.served(variant).runs.engine for variant in served if variant}
    for engine in sorted(filter(None, engines)):
        # Engines that name the GPUs that they are for.
        if targets := getattr(getattr(config.engine, engine, None), "targets", None):
            require_target(f"engine.{engine}.targets", targets)
    require_search_server(names, vars(settings.launch()))
    if config.server == "native" and here & {*SERVING, *STARTS_TRITON[config.tune.launch]}:
        install.require_native()
