"""Rule quantize: model.onnx in int8, by ONNX Runtime's static quantisation.

The graph says itself where it is quantised (QDQ: pairs of QuantizeLinear and DequantizeLinear), so ONNX Runtime and
OpenVINO serve the same one. Weights have a scale per channel. The ranges of activations are those of samples from the
training set, never from the test set; without a data set, of inputs that are made up, and others than the reference's.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from model.interface import split
from model.source import load_file
from model.tensors import Arrays, check, made_up
from plan.settings.engine import Quantize
from program.cli import UserError, log
from program.files import whole_file
from program.job import run

SAMPLES = 512  # to calibrate with, from the start of the training set
BATCH = 64
SEED = 1  # of what is made up; the reference has another


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Quantize
    source: Annotated[Path, "model.onnx"]
    dataset: Annotated[Path | None, "train.npz, where there is a data set"]
    model_file: Annotated[Path | None, "the model file, which prepares samples or makes them up"]
    onnx: Annotated[Path, "output: the graph in int8"]


class Batches(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    """Samples as ONNX Runtime asks for them: one batch after another, each of one shape."""

    def __init__(self, groups: Sequence[Arrays], batching: bool) -> None:
        self._batches = _batches(groups, batching)

    def get_next(self) -> Arrays | None:
        """The next batch, None after the last."""
        return next(self._batches, None)


def _batches(groups: Sequence[Arrays], batching: bool) -> Iterator[Arrays]:
    for group in groups:
        count = len(next(iter(group.values())))
        if batching:
            parts: list[slice | int] = [slice(start, start + BATCH) for start in range(0, count, BATCH)]
        else:
            parts = list(range(count))
        yield from ({name: np.asarray(array[part]) for name, array in group.items()} for part in parts)


def samples(job: Job) -> list[Arrays]:
    """What to calibrate with, in groups of one shape, batch first."""
    inputs = job.settings.model.inputs
    if job.dataset and job.model_file:
        raw, _ = split(job.dataset)
        prepared = load_file(job.model_file, "prepare").prepare(raw[:SAMPLES])
        return [check(prepared, inputs, "prepare of the model file")]
    example = getattr(load_file(job.model_file), "example", None) if job.model_file else None
    return [made_up(inputs, given, example, SEED) for given in job.settings.shapes]


def quantize(source: Path, calibration: CalibrationDataReader, target: Path) -> None:
    """Write the graph in int8. Raises UserError when ONNX Runtime cannot quantise it."""
    with tempfile.TemporaryDirectory() as directory, whole_file(target) as temporary:
        prepared = Path(directory) / "prepared.onnx"
        try:
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                temporary,
                calibration,
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        except Exception as error:  # of classes that ONNX Runtime does not name publicly
            log.debug("%s", error)
            first = (str(error).strip().splitlines() or ["no reason given"])[0].removesuffix(".")
            what = f"ONNX Runtime cannot quantise {source}: {first}."
            raise UserError(what, "see the rule's log, or leave int8 out of precisions") from error


def main(job: Job) -> None:
    # It recommends what is done here.
    logging.getLogger().addFilter(lambda record: "pre-process" not in record.getMessage())
    groups = samples(job)
    quantize(job.source, Batches(groups, job.settings.model.batching), job.onnx)
    count = sum(len(next(iter(group.values()))) for group in groups)
    log.info("in int8, calibrated with %d samples %s", count, "of the training set" if job.dataset else "made up")


if __name__ == "__main__":
    run(main, Job, __doc__)
