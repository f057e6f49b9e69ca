"""What a module can be exported to, each tried as its rule does it. make new starts this program for a model file.

PyTorch's exporters may take minutes over a module, print pages or crash. So each has a limit of time, beyond which the
kernel ends the program, and a file that says why what it makes cannot serve: it is empty where it can.
"""

import argparse
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
import torch

from engine_aotinductor import export as to_program
from export import to_onnx
from export_torchscript import to_torchscript
from model import shapes
from model.graph import runner
from model.interface import built, predict
from model.outputs import evaluating, flat
from model.reference import Reference, cases
from model.references import answered
from model.signature import names
from model.source import load_file
from model.tensors import Arrays
from model.tracing import traced
from parity import Predict, compared, of_module
from plan.config import Config
from plan.configured import configured
from plan.rule_settings import RuleSettings
from plan.served import signature
from plan.workflow_plan import Plan
from program import cli
from program.cli import UserError, log
from program.files import write_text


@dataclass(frozen=True)
class Trial:
    """A module under a configuration; graphs are written to `graph`."""

    config: Config
    graph: Path

    @cached_property
    def settings(self) -> RuleSettings:
        """What the rules have to know."""
        return RuleSettings(Plan(self.config, Path.cwd()))

    @cached_property
    def profile(self) -> dict[str, shapes.Shapes]:
        """A single sample, and a batch of the opt size where there are batches."""
        opt = self.config.shapes["opt"]
        return {"single": {name: [1, *dims[1:]] for name, dims in opt.items()}, "opt": opt}

    @cached_property
    def answers(self) -> tuple[torch.nn.Module, Reference]:
        """The module, and what it answers by itself for a batch of the opt size."""
        model, config = signature(self.config.model), self.config
        source = load_file(Path(config.model.file), "build")
        torch.manual_seed(config.train.seed)
        module = evaluating(built(source, config.model.arguments))

        def answer(inputs: Arrays) -> list[np.ndarray]:
            return predict(module, inputs, batching=model.batching)

        (found,) = answered(answer, source, None, model, [self._several()])
        return flat(module, traced(found.inputs, model.batching)), found

    def _several(self) -> shapes.Shapes:
        """At least two samples: what is exported is traced with two."""
        return {name: [max(2, dims[0]), *dims[1:]] for name, dims in self.config.shapes["opt"].items()}

    def onnx(self) -> Predict:
        """ONNX Runtime with the exported graph."""
        module, found = self.answers
        model = signature(self.config.model)
        exported = to_onnx(module, traced(found.inputs, model.batching), model, self.config.export.opset)
        onnx.save(exported, self.graph)
        return runner(self.graph, names(model.outputs))

    def torchscript(self) -> Predict:
        """The traced module."""
        module, found = self.answers
        return of_module(to_torchscript(module, traced(found.inputs, self.config.model.batching)))

    def aotinductor(self) -> Predict:
        """The exported program, which AOTInductor compiles."""
        settings = self.settings.engine_aotinductor("aotinductor")
        profile = shapes.parse_profile(settings.profile)
        program = to_program(self.answers[0], settings.inputs, profile, "cpu", settings.batching)
        return of_module(program.module())

    def fault(self, name: str, export: Callable[[], Predict]) -> str:
        """Why an export cannot serve the module; empty when it can."""
        try:
            compared(name, export(), cases([self.answers[1]], self.profile), self.settings.parity())
        except UserError as error:
            return str(error).partition(" Hint: ")[0].replace(str(self.graph), self.graph.name)
        except Exception as error:  # of the module, or of what it was exported to
            log.debug("%s", name, exc_info=True)
            # Messages of TorchScript begin with where it was in the module.
            *_, last = [str(type(error).__name__), *str(error).strip().splitlines()]
            return f"{name} fails where the module does not: {last}"
        return ""


def main(options: argparse.Namespace) -> None:
    trial = Trial(Config.model_validate(configured([options.configfile])), options.results / "model.onnx")
    exports = {"onnx": trial.onnx, "torchscript": trial.torchscript, "aotinductor": trial.aotinductor}
    for name in options.exports:
        # Nothing handles this signal: it ends the program in the middle of a library too.
        signal.alarm(options.limit)
        write_text(options.results / name, trial.fault(name, exports[name]))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--configfile", type=Path, required=True, help="the configuration of the model")
    result.add_argument("--results", type=Path, required=True, help="directory for a file per export")
    result.add_argument("--limit", type=int, required=True, help="seconds that an export may take")
    result.add_argument("exports", nargs="+", help="onnx, torchscript, aotinductor")
    return result


if __name__ == "__main__":
    cli.run(main, arguments(), quiet=True)
