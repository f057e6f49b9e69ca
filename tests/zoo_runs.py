"""The models of tests/zoo, taken from their configurations to the health checks of their variants on a real Triton.

The scripts of the rules run in this process, with the settings that the plan of the run gives them: PyTorch is imported
once, and not for every job. tests/test_any_model.py takes other models through Snakemake itself.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx

import engine_openvino
import export
import export_given
import export_torchscript
import healthcheck
import judgement
import parity
import reference
import repository
import repository_pytriton
import train
from conftest import DEFAULT, merged
from plan.config import checked
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan
from serve.variants import VARIANTS
from zoo_table import ZOO

# What every model of the zoo has in common.
COMMON = {
    "dataset": {"source": None},
    "model": {"raw": None, "arguments": {}},
    "engines": [],
    "serving": {"inner": "openvino"},
    "healthcheck": {"samples": 8},
    "sweep": {"batch_sizes": [1], "concurrencies": [1]},
}


def lay_out(name: str, kind: ModuleType, directory: Path) -> Mapping[str, Any]:
    """Write the files of a model into a directory; returns its configuration."""
    shutil.copytree(ZOO, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    if hasattr(kind, "given"):
        kind.given(directory)
    files = {"file": f"{name}.py"}
    if hasattr(kind, "graph"):
        opsets = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
        model = onnx.helper.make_model(kind.graph(), opset_imports=opsets, ir_version=9)
        external = getattr(kind, "EXTERNAL", False)
        onnx.save(model, directory / f"{name}.onnx", save_as_external_data=external, size_threshold=0)
        files = {"file": "", "onnx": f"{name}.onnx"}
    config = merged(merged(DEFAULT, COMMON), {"run": name, "model": {"name": name, **files}})
    result = merged(config, kind.CONFIG)
    for side in ("inputs", "outputs"):
        result["pytriton"][side] = [tensor["name"] for tensor in result["model"][side]]
    return result


@dataclass(frozen=True)
class Carried:
    """A model on its way; the working directory is that of its run."""

    plan: Plan

    @property
    def settings(self) -> RuleSettings:
        return RuleSettings(self.plan)

    def at(self, path: str) -> Path:
        found = Path(self.plan.results) / path
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    def export(self) -> None:
        """The exports, and how far they are from the reference."""
        model_file = Path(self.plan.model_file[0]) if self.plan.model_file else None
        made = {"onnx": self.at("export/model.onnx"), "reference": self.at("export/reference.npz")}
        rest: dict[str, Any] = {"dataset": None, "raw_reference": None}
        script = None
        if self.plan.given_graph:
            given = Path(self.plan.given[0])
            rest["weights"] = self.at("export/model.onnx.data") if self.plan.large_graph else None
            export_given.main(
                export_given.Job(self.settings.reference(), given=given, model_file=model_file, **made, **rest)
            )
        else:
            assert model_file
            paths = {"model": self.at("model/model.pt"), "metrics": self.at("model/metrics.json")}
            train.main(train.Job(self.settings.train(), model_file, None, None, None, **paths))
            model, answers = paths["model"], made["reference"]
            reference.main(reference.Job(self.settings.reference(), model, reference=answers, **rest))
            if "onnx" in self.plan.exports:
                export.main(export.Job(self.settings.export(), model, **made))
            if "torchscript" in self.plan.exports:
                script = self.at("export/model.ts")
                own = self.settings.export_torchscript()
                export_torchscript.main(export_torchscript.Job(own, model, answers, script))
        graph = made["onnx"] if "onnx" in self.plan.exports else None
        parity.main(parity.Job(self.settings.parity(), graph, script, made["reference"], self.at("export/parity.json")))

    def serve(self, variant: str) -> Mapping[str, Any]:
        """Build a variant and check its health; returns health.json."""
        self.build(variant)
        return self.check(variant)

    def build(self, variant: str) -> None:
        """The repository of a variant, and its engine."""
        plan = self.plan
        target, listing = self.at(f"repository/{variant}"), self.at(f"repository/{variant}.json")
        artifact = [*map(Path, plan.artifact(variant))]
        record = next(iter(map(Path, plan.record(variant))), None)
        if plan.served(variant).runs.engine == "openvino":
            paths = self.at("export/model.onnx"), *artifact, self.at("engine/openvino/engine.json")
            engine_openvino.main(engine_openvino.Job(self.settings.engine_openvino("openvino"), *paths))
        if VARIANTS[variant].kind == "pytriton":
            model = Path(plan.model_file[0]), [Path(path) for path in plan.served_beside]
            runtime = Path(plan.runtime(variant))
            repository_pytriton.main(
                repository_pytriton.Job(
                    self.settings.repository_pytriton(variant), runtime, artifact, record, *model, target, listing
                )
            )
        else:
            parts = (plan.library(variant), plan.model_py(variant), plan.python_runtime(variant))
            files = [next(iter(map(Path, part)), None) for part in parts]
            repository.main(
                repository.Job(self.settings.repository(variant), *files, artifact, record, target, listing)
            )

    def check(self, variant: str) -> Mapping[str, Any]:
        """The health of a variant that is built, as health.json has it."""
        checks, health = self.at(f"health/{variant}.checks.json"), self.at(f"health/{variant}.json")
        healthcheck.main(
            healthcheck.Job(
                self.settings.healthcheck(variant),
                self.at(f"repository/{variant}"),
                Path(self.plan.reference(variant)),
                self.at(f"logs/healthcheck/{variant}.server.log"),
                checks,
            )
        )
        judgement.main(judgement.Job(self.settings.judgement(variant), checks, health))
        found: Mapping[str, Any] = json.loads(health.read_text())
        return found


def planned(name: str, kind: ModuleType, directory: Path, backends: Path) -> Carried:
    """The plan of a model in the working directory, which becomes `directory`. Raises UserError."""
    config = lay_out(name, kind, directory)
    os.chdir(directory)
    (directory / "artifacts").mkdir(exist_ok=True)
    (directory / "artifacts" / "backends").symlink_to(backends)
    return Carried(Plan(checked(config, directory), directory))
