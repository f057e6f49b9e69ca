"""Rule engine_tensorrt_rtx: a TensorRT-RTX engine for named GPUs, built on any machine, with or without one.

At its first load on a GPU, TensorRT-RTX finishes the kernels for that very GPU.
"""

import argparse
import re
from pathlib import Path

import tensorrt_rtx_bindings as trt

from engines import builder, description, layers
from model import shapes
from program import cli
from program.cli import log
from program.files import whole_file


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    tf32 = settings["precision"] == "tf32"
    profiles = [shapes.parse_profile(profile) for profile in settings["profiles"]]
    built = builder.build(trt, options.onnx, profiles, tf32, settings["targets"])
    with whole_file(options.engine) as temporary:
        temporary.write_bytes(built.plan)
    engine = description.Engine(
        backend="tensorrt_rtx",
        target=", ".join(settings["targets"]),
        precision=description.Precision(settings["precision"], layers.obtained(built.description.layers, tf32)),
        profiles=built.description.profiles,
        versions={"tensorrt_rtx": trt.__version__},
        build_seconds=round(built.seconds, 3),
        compute_capabilities=[re.sub(r"sm_(\d+)(\d)", r"\1.\2", target) for target in settings["targets"]],
        layers=built.description.layers,
    )
    description.write(options.record, engine, options.engine, options.onnx)
    log.info("TensorRT-RTX engine of %d bytes for %s in %.1f s", len(built.plan), engine.target, built.seconds)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"profiles": [profile, …], "precision": …, "targets": [sm_86, …]}')
    result.add_argument("--onnx", type=Path, required=True, help="model.onnx")
    result.add_argument("--engine", type=Path, required=True, help="output: model.engine")
    result.add_argument("--record", type=Path, required=True, help="output: engine.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
