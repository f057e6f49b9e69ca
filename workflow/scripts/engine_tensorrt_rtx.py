"""Rule engine_tensorrt_rtx: a TensorRT-RTX engine for named GPUs, built on any machine, with or without one.

At its first load on a GPU, TensorRT-RTX finishes the kernels for that very GPU.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tensorrt_rtx_bindings as trt

from engines import builder, description, layers
from model import shapes
from plan.settings.engine import TensorRtRtx
from program.cli import log
from program.files import whole_file
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: TensorRtRtx
    onnx: Annotated[Path, "model.onnx"]
    engine: Annotated[Path, "output: model.engine"]
    record: Annotated[Path, "output: engine.json"]


def main(job: Job) -> None:
    settings = job.settings
    tf32 = settings.precision == "tf32"
    profiles = [shapes.parse_profile(profile) for profile in settings.profiles]
    built = builder.build(trt, job.onnx, profiles, tf32, settings.targets)
    with whole_file(job.engine) as temporary:
        temporary.write_bytes(built.plan)
    engine = description.Engine(
        backend="tensorrt_rtx",
        target=", ".join(settings.targets),
        precision=description.Precision(settings.precision, layers.obtained(built.description.layers, tf32)),
        profiles=built.description.profiles,
        versions={"tensorrt_rtx": trt.__version__},
        build_seconds=round(built.seconds, 3),
        compute_capabilities=[re.sub(r"sm_(\d+)(\d)", r"\1.\2", target) for target in settings.targets],
        layers=built.description.layers,
    )
    description.write(job.record, engine, job.engine, job.onnx)
    log.info("TensorRT-RTX engine of %d bytes for %s in %.1f s", len(built.plan), engine.target, built.seconds)


if __name__ == "__main__":
    run(main, Job, __doc__)
