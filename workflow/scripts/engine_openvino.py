"""Rule engine_openvino: model.onnx compiled ahead of time for the CPU, in one precision, with the profile's bounds.

OpenVINO has no opt shape: it tunes for the bounds alone. The opt shape stands in engine.json for those who batch. For
int8 the graph is quantised already, and what is not quantised in it stays in fp32.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import openvino

from engines import description, layers
from engines.openvino_graph import reason
from model import shapes
from model.shapes import Shapes
from plan.settings.engine import OpenVino
from program.cli import UserError, log
from program.files import whole_file
from program.job import run

# OpenVINO's names of what it computes in where the graph does not say it.
HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: OpenVino
    onnx: Annotated[Path, "model.onnx"]
    engine: Annotated[Path, "output: model.blob"]
    record: Annotated[Path, "output: engine.json"]
    without: Annotated[str, "how to configure a run without it, for the message if it fails"] = ""


def bounded(low: list[int], high: list[int]) -> openvino.PartialShape:
    """A shape whose axes are free between `low` and `high`."""
    return openvino.PartialShape([openvino.Dimension(a, b) for a, b in zip(low, high)])


def compile_model(path: Path, profile: dict[str, Shapes], precision: str, without: str = "") -> openvino.CompiledModel:
    """Compile an ONNX model for the CPU.

    Raises UserError, with `without` as a hint, when OpenVINO refuses the model or the profile.
    """
    core = openvino.Core()
    try:
        model = core.read_model(path)
        model.reshape({name: bounded(low, profile["max"][name]) for name, low in profile["min"].items()})
        # A blob does not keep the precision, and importing it takes the processor's favourite: the name carries it.
        model.set_friendly_name(HINTS[precision])
        return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": HINTS[precision]})
    except RuntimeError as error:
        log.debug("%s", error)
        what = f"OpenVINO cannot compile {path}: {reason(error)}"
        hint = "; or ".join(filter(None, ["see profile and engine.openvino", without]))
        raise UserError(what, hint) from error


def reported_profile(compiled: openvino.CompiledModel, opt: Shapes) -> dict[str, Shapes]:
    """The bounds that the compiled model itself reports, with the opt shape that it does not know."""
    bounds = {port.any_name: port.partial_shape for port in compiled.inputs}
    return {
        "min": {name: [axis.get_min_length() for axis in shape] for name, shape in bounds.items()},
        "opt": opt,
        "max": {name: [axis.get_max_length() for axis in shape] for name, shape in bounds.items()},
    }


def main(job: Job) -> None:
    settings = job.settings
    profile = shapes.parse_profile(settings.profile)
    start = time.perf_counter()
    compiled = compile_model(job.onnx, profile, settings.precision, job.without)
    with whole_file(job.engine) as temporary:
        temporary.write_bytes(compiled.export_model().getvalue())
    seconds = time.perf_counter() - start
    found = layers.from_openvino(
        (operation.get_friendly_name(), {key: value.value for key, value in operation.get_rt_info().items()})
        for operation in compiled.get_runtime_model().get_ordered_ops()
    )
    engine = description.Engine(
        backend="openvino",
        target=openvino.Core().get_property("CPU", "FULL_DEVICE_NAME"),
        precision=description.Precision(settings.precision, layers.obtained(layers.multiplying(found), tf32=False)),
        profiles=[reported_profile(compiled, profile["opt"])],
        versions={"openvino": openvino.get_version()},
        build_seconds=round(seconds, 3),
        layers=found,
    )
    description.write(job.record, engine, job.engine, job.onnx)
    log.info("OpenVINO engine of %d bytes in %.1f s", job.engine.stat().st_size, seconds)


if __name__ == "__main__":
    run(main, Job, __doc__)
