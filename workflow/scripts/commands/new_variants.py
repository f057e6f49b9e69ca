"""Which variants cannot serve the model of make new, and why: what the configuration says, and what trying shows."""

import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from snakemake.utils import update_config

from engines import openvino_graph
from plan.config import Config, problems
from plan.configured import configured
from plan.workflow_plan import SCRIPTS, Plan
from program.cli import log
from program.environment import for_children
from program.files import write_text
from program.process import child
from serve.variants import OFFERED, VARIANTS

# What a module is exported to: a graph, traced code, the program that AOTInductor compiles.
EXPORTS = ("onnx", "torchscript", "aotinductor")
# Seconds that an export may take.
LIMIT = 300
# Characters of a reason.
LONGEST = 300
Faults = dict[str, str]


def offered(graph: bool) -> list[str]:
    """The variants that may serve a ready graph, which none that runs PyTorch does, or a module."""
    return [name for name in OFFERED if not (graph and VARIANTS[name].pytorch)]


def of_graph(text: str, graph: Path) -> Faults:
    """Why variants cannot serve a ready graph under the configuration in `text`."""
    # What has no example yet has a problem, but none of the variants.
    found = {name: _configured(text, name, {"file": ""}) for name in offered(graph=True)}
    return _faults({name: fault or _openvino(name, graph) for name, fault in found.items()})


def of_module(text: str, reports: Path) -> Faults:
    """Why variants cannot serve a module under the configuration in `text`.

    `reports`: the file for what PyTorch says of exports that fail, if one does.
    """
    plan = Plan(_config(text, offered(graph=False)), Path.cwd())
    found = {name: _configured(text, name) for name in plan.variants}
    made_from = {name: plan.made_from(name) for name, fault in found.items() if not fault}
    with tempfile.TemporaryDirectory() as directory:
        exports = [export for export in EXPORTS if any(export in made for made in made_from.values())]
        failed = _faults(tried(text, exports, Path(directory)))
        for name, made in made_from.items():
            fault = next((failed[export] for export in EXPORTS if export in made & failed.keys()), "")
            found[name] = fault or _openvino(name, Path(directory, "model.onnx"))
        if failed:
            write_text(reports, "".join(path.read_text() for path in sorted(Path(directory).glob("*.log"))))
            log.info("%s has what PyTorch says of the exports that fail", reports)
    return _faults(found)


def tried(text: str, exports: Sequence[str], directory: Path, limit: int = LIMIT) -> Faults:
    """Why exports of a module cannot serve it, empty for those that can. `limit`: seconds that each may take.

    `directory` receives model.onnx, and a log of each process that tries them: a new one where one has ended early.
    """
    write_text(directory / "config.yaml", text)
    found: Faults = {}
    while left := [export for export in exports if export not in found]:
        status = _try(left, directory, limit)
        found |= {export: path.read_text() for export in left if (path := directory / export).exists()}
        if ended := next((export for export in left if export not in found), None):
            found[ended] = _ending(status, limit)
    return found


def _try(exports: Sequence[str], directory: Path, limit: int) -> int:
    """The exit code of a process that tries exports one after the other."""
    log_file = directory / f"{exports[0]}.log"
    files = {"--configfile": directory / "config.yaml", "--results": directory, "--log": log_file}
    options = [str(part) for option in files.items() for part in option]
    command = [sys.executable, "-m", "commands.new_exports", *options, "--limit", str(limit), *exports]
    path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))
    with open(os.devnull, "wb") as nothing, child(command, nothing, {**for_children(), "PYTHONPATH": path}) as process:
        return process.wait()


def _ending(status: int, limit: int) -> str:
    """Why an export has no result."""
    if status == -signal.SIGALRM:
        return f"PyTorch does not export the module within {limit} s"
    ended = signal.Signals(-status).name if status < 0 else f"exit code {status}"
    return f"PyTorch ends with {ended} while it exports the module"


def _configured(text: str, variant: str, model: Mapping[str, Any] = MappingProxyType({})) -> str:
    """What the configuration has against a variant, with changes of the section `model`; empty if nothing."""
    found = problems(_config(text, [variant], model), Path.cwd())
    return next((problem.what for problem in found if problem.key == "variants"), "")


def _config(text: str, variants: list[str], model: Mapping[str, Any] = MappingProxyType({})) -> Config:
    raw = configured()
    for changes in (yaml.safe_load(text), {"variants": variants, "model": dict(model)}):
        update_config(raw, changes)
    return Config.model_validate(raw)


def _openvino(variant: str, graph: Path) -> str:
    """What OpenVINO has against a graph, for a variant that it serves; empty if nothing."""
    return openvino_graph.fault(graph) if VARIANTS[variant].engine == "openvino" else ""


def _faults(found: Mapping[str, str]) -> Faults:
    """Those that there are, each on one line as the configuration takes it."""
    return {name: _on_one_line(fault) for name, fault in found.items() if fault}


def _on_one_line(fault: str) -> str:
    line = " ".join("".join(one if one.isprintable() else " " for one in fault).split()).removesuffix(".")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
