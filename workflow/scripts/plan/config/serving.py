"""Sections serving, pytriton, healthcheck and deploy: how the model is served, and what it must show first."""

from typing import Annotated, Literal

from pydantic import Field

from plan.config.values import (
    Amount,
    Count,
    Distinct,
    Fraction,
    Integer,
    InWords,
    Listed,
    Name,
    OneOf,
    Positive,
    Section,
    TensorName,
)
from serve.variants import OF_ONE_MODEL


class Serving(Section):
    device: Literal["cpu", "cuda"] = Field(description="Where models run; `cuda` means visible NVIDIA GPUs.")
    gpus: Count = Field(
        description="How many visible GPUs `cuda` means, from the first. Each runs `instances` copies; PyTriton's "
        "servers use the first alone."
    )
    backend: Literal["native", "python"] = Field(
        description="What serves the engines: `native`, backends in C++ that the workflow compiles, or `python`, "
        "Triton's Python backend."
    )
    instances: Count = Field(description="Copies of the model that run at the same time (`instance_group.count`).")
    threads: Annotated[
        Literal["auto", "all"] | Count, InWords("a number of threads", "write auto, all or a whole number from 1")
    ] = Field(
        description="CPU threads of each instance; the instances share `all` cores, or half of them. `auto` is what "
        "served each engine best: `all` for OpenVINO and ONNX Runtime, half for the others."
    )
    max_queue_delay_us: Amount = Field(
        description="How long a request may wait for others to form a batch, in microseconds."
    )
    cuda_graphs: bool = Field(description="Whether `tensorrt`, and engines in a native backend, run as CUDA graphs.")
    image: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9./_~][A-Za-z0-9./_~:@+-]{0,499}$"),
        InWords("an image", "write docker://nvcr.io/nvidia/tritonserver:26.07-py3, or the path of a .sif file"),
    ] = Field(
        description="Image of a full Triton, for `native` with `--sdm conda apptainer` and for `tune.launch` `docker`."
    )
    inner: Annotated[str, OneOf(OF_ONE_MODEL)] = Field(
        description="The variant whose model `bls` and `ensemble` call and `pytriton_engine` runs."
    )


class PyTriton(Section):
    name: Name = Field(description="Name of the model.")
    inputs: Annotated[tuple[TensorName, ...], Listed, Distinct] = Field(
        description="Names of the inputs, in the order of `model.inputs`."
    )
    outputs: Annotated[tuple[TensorName, ...], Listed, Distinct] = Field(
        description="Names of the outputs, in the order of `model.outputs`."
    )


class LowerPrecision(Section):
    max_rel_error: Positive = Field(
        description="Largest difference from PyTorch's outputs of floats, over the output's largest absolute value."
    )
    min_agreement: Fraction = Field(description="As `healthcheck.min_agreement`.")
    max_accuracy_loss: Fraction = Field(description="How much less accurate than PyTorch on the same samples.")


class LowerPrecisions(Section):
    fp16: LowerPrecision = Field(description="Of variants in `fp16`.")
    bf16: LowerPrecision = Field(description="Of variants in `bf16`.")
    int8: LowerPrecision = Field(description="Of variants in `int8`.")


class Healthcheck(Section):
    min_accuracy: Fraction = Field(
        description="Accuracy on the test set: of scores, or of an output of one integer per sample."
    )
    max_abs_error: Positive = Field(
        description="Largest absolute difference from PyTorch's outputs of floats; for FP16 and BF16 as in "
        "`export.tolerance`."
    )
    min_agreement: Fraction = Field(
        description="Share of samples with PyTorch's answer, or of equal elements, as in `export.tolerance`."
    )
    samples: Annotated[Literal["all"] | Count, InWords("a number of samples", "write all or a whole number from 1")] = (
        Field(description="Samples of the test set sent, from its start; `all` is every one.")
    )
    lower_precisions: LowerPrecisions = Field(
        description="What takes the place of `max_abs_error` and `min_agreement` for variants in other precisions."
    )


class Deploy(Section):
    variant: Annotated[str, OneOf(OF_ONE_MODEL)] = Field(
        description="The variant that is served, as tuned where it is among `tune.variants`."
    )
    cpus: Count = Field(description="Cores of one replica.")
    memory_mib: Integer = Field(ge=256, description="Memory of one replica, in MiB.")
    min_replicas: Count = Field(description="Fewest replicas.")
    max_replicas: Count = Field(description="Most replicas.")
    target_queue_us: Count = Field(
        description="Average time in the queue, in microseconds, above which replicas are added."
    )
