"""Rule low_precision: model.onnx with fp16 or int8 arithmetic in the graph itself, converted by NVIDIA's ModelOpt.

Strongly typed TensorRT engines compute in the types that the graph has. fp16 by ModelOpt's AutoCast, which leaves in
fp32 what would overflow; int8 by its quantization. Both see samples of the training set, or, without one, of
the reference. Inputs and outputs keep their
types. ModelOpt has an environment of its own (envs/modelopt.txt).
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from model import reference
from model.interface import split
from model.source import load_file
from model.tensors import Arrays
from plan.settings.engine import LowPrecision
from program.cli import UserError, log
from program.files import whole_file
from program.job import run
from program.temporary import scratch

SAMPLES = 256  # to calibrate with, from the start of the training set


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: LowPrecision
    modelopt: Annotated[str, "Python of an environment that has ModelOpt"]
    source: Annotated[Path, "model.onnx"]
    dataset: Annotated[Path | None, "train.npz, with --model-file"]
    model_file: Annotated[Path | None, "the model file, which prepares samples"]
    reference: Annotated[Path | None, "reference.npz, where there is no data set"]
    onnx: Annotated[Path, "output: the converted graph"]


def command(python: str, precision: str, onnx: Path, converted: Path, samples: Path) -> list[str]:
    """The command of ModelOpt that converts a graph on CPU."""
    if precision == "fp16":
        module, *options = "autocast", "--low_precision_type=fp16", "--keep_io_types", "--providers=cpu"
        calibration = "calibration_data"
    else:
        module, *options = "quantization", "--quantize_mode=int8", "--high_precision_dtype=fp32"
        options += ["--calibration_eps=cpu", "--calibration_method=max"]
        calibration = "calibration_data_path"
    files = [f"--onnx_path={onnx}", f"--output_path={converted}", f"--{calibration}={samples}"]
    return [python, "-m", f"modelopt.onnx.{module}", *options, *files]


def convert(python: str, precision: str, onnx: Path, samples: Arrays, output: Path) -> None:
    """Convert in a directory of its own, where ModelOpt leaves its intermediate files. Raises UserError."""
    with scratch() as directory:
        given = Path(shutil.copy(onnx, directory / "model.onnx"))
        np.savez(directory / "samples.npz", **samples)
        call = command(python, precision, given, directory / "converted.onnx", directory / "samples.npz")
        # The workflow's own packages are none of its business.
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        try:
            found = subprocess.run(
                call, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
        except FileNotFoundError:
            raise UserError(
                f"{python} does not exist.", "make modelopt installs it, engine.modelopt names it"
            ) from None
        log.debug("%s", found.stdout)
        if found.returncode != 0 or not (directory / "converted.onnx").exists():
            last = (found.stdout.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"ModelOpt cannot convert {onnx} to {precision}: {last}", "see the rule's log")
        with whole_file(output) as temporary:
            shutil.copy(directory / "converted.onnx", temporary)


def main(job: Job) -> None:
    settings = job.settings
    if job.dataset and job.model_file:
        raw, _ = split(job.dataset)
        samples = load_file(job.model_file, "prepare").prepare(raw[:SAMPLES])
    elif job.reference:
        samples = reference.load(job.reference)[0].first(SAMPLES).inputs
    else:
        raise UserError("nothing to calibrate with.", "give --dataset with --model-file, or --reference")
    convert(job.modelopt, settings.precision, job.source, samples, job.onnx)
    count = len(next(iter(samples.values())))
    log.info("converted to %s, calibrated with %d samples", settings.precision, count)


if __name__ == "__main__":
    run(main, Job, __doc__)
