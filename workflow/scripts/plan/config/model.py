"""Sections model, dataset, train and export: the model itself."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from plan.config.values import (
    Amount,
    Count,
    File,
    Fraction,
    InWords,
    Listed,
    Name,
    OptionalFile,
    Positive,
    Section,
    TensorName,
)

DataType = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]
# A name, or its multiple or fraction.
AXIS = r"^([1-9][0-9]{0,8}[*])?[A-Za-z_][A-Za-z0-9_]{0,99}(/[1-9][0-9]{0,8})?$"


def _no_bf16(dtype: object) -> object:
    """numpy, and with it Triton's Python backend and clients, cannot hold what Triton calls BF16."""
    if dtype == "BF16":
        hint = "cast it in the model: BF16 inside, FP32 or FP16 outside"
        raise PydanticCustomError("bf16", "no tensor of a request can be BF16 in Python", {"hint": hint})
    return dtype


class OwnTolerance(Section):
    max_abs_error: Positive | None = Field(default=None, description="Instead of that of all outputs.")
    max_rel_error: Positive | None = Field(default=None, description="Instead of that of all outputs.")
    min_agreement: Fraction | None = Field(default=None, description="Instead of that of all outputs.")


class Tensor(Section):
    """One input or output, without its batch axis."""

    name: TensorName
    dtype: Annotated[DataType, BeforeValidator(_no_bf16)]
    dims: Annotated[
        tuple[
            Annotated[
                Count | Annotated[str, Field(pattern=AXIS)] | None,
                InWords(
                    "a size or an axis",
                    "write a size from 1, an axis as frames, its multiple as 256*frames or frames/4, or null if free",
                ),
            ],
            ...,
        ],
        Listed,
    ]
    scores: bool = Field(
        default=False, description="Whether this output holds class scores, the largest of which is the answer."
    )

    tolerance: OwnTolerance | None = Field(
        default=None, description="Bounds of this output that differ from `export.tolerance` and `healthcheck`."
    )

    @model_validator(mode="after")
    def _scores_have_one_axis(self) -> "Tensor":
        """Scores are floats along one axis of fixed size, that of the classes."""
        fixed = [size for size in self.dims if isinstance(size, int)]
        if self.scores and not (
            self.dtype.startswith("FP") and fixed == list(self.dims) and sum(size > 1 for size in fixed) == 1
        ):
            what = f"{self.name} has scores: true, with {self.dtype} {list(self.dims)}"
            hint = "class scores are floats with one axis, as dims: [10]; leave scores out for other outputs"
            raise PydanticCustomError("scores", "{what}", {"what": what, "hint": hint})
        return self


Tensors = Annotated[tuple[Tensor, ...], Listed, Field(min_length=1)]


class Raw(Section):
    inputs: Tensors = Field(max_length=1, description="The raw sample, one input.")
    outputs: Tensors = Field(
        description="The answer: the label first, then what else `interpret` of the model file returns."
    )


class Model(Section):
    name: Name = Field(description="Prefix of the served models' names (`<name>_<variant>`).")
    file: OptionalFile = Field(
        description="Python file that builds the module and declares its data set and training. With `onnx` it has "
        "what the graph lacks, or is empty."
    )
    onnx: OptionalFile = Field(description="A ready ONNX graph; the chain starts at the engines.")
    files: Annotated[tuple[File, ...], Listed] = Field(
        description="Further files that functions of the model file read; changes of them rebuild what follows."
    )
    requirements: OptionalFile = Field(
        description="File with the further packages that the model file imports, one requirement a line; `make` pins "
        "them in a lock beside it and installs them. Empty: none."
    )
    load_seconds: Positive = Field(
        description="Longest time that importing the model file, or building the module, may take, in seconds."
    )
    arguments: dict[str, JsonValue] = Field(description="Keyword arguments of `build` in the model file.")
    weights: OptionalFile = Field(
        description="File with a state_dict, where the model file does not train; empty: the weights of `build`."
    )
    batching: bool = Field(
        description="Whether the first axis of every input and output is the batch. `false`: dims are complete, and "
        "requests are answered one at a time (Triton's `max_batch_size: 0`)."
    )
    inputs: Tensors = Field(description="Inputs in order, with Triton's data type and the dims without the batch axis.")
    outputs: Tensors = Field(
        description="Outputs in order, as the inputs. `scores: true` marks class scores, one axis of floats: agreement "
        "and accuracy count which is the largest."
    )
    state: dict[TensorName, TensorName] = Field(
        description="Inputs that take what an output gave for the request before of the same sequence, as "
        "`h_in: h_out`; zeros at first. Triton keeps them, clients do not see them. Empty: none."
    )
    raw: Raw | None = Field(
        description="What `bls` and `ensemble` take and give; the model file converts it. `null` without those."
    )


class Dataset(Section):
    source: str | None = Field(
        description="One of `DATASETS` in the model file; `null`: there is no data set, and accuracy is not defined."
    )
    test_size: Count = Field(description="Samples held back for testing, where the data set is not already divided.")
    seed: Amount = Field(description="Decides which samples are held back.")
    mirrors: Annotated[tuple[File, ...], Listed] = Field(
        min_length=1,
        description="URLs (https, or http on this machine) or local directories that have its files, tried in order.",
    )
    retries: int = Field(ge=0, le=20, description="Further attempts per file and mirror after a failed download.")


class Train(Section):
    seed: Amount = Field(description="Decides weights, order and augmentation.")
    epochs: Count = Field(description="Passes over the training samples.")
    batch_size: Count = Field(description="Samples per step.")
    learning_rate: Positive = Field(description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(ge=0, description="AdamW's weight decay.")
    threads: Count = Field(description="CPU threads, also of the comparison with PyTorch; the last bits depend on it.")
    min_accuracy: Fraction = Field(description="Accuracy on the test set below which the run stops.")


class Tolerance(Section):
    max_abs_error: Positive = Field(
        description="Largest absolute difference of an output of floats. Outputs in FP16 may differ by a relative "
        "0.01, in BF16 by 0.05, where the bounds are tighter."
    )
    max_rel_error: Positive = Field(description="The same relative to the largest output of the reference.")
    min_agreement: Fraction = Field(
        description="Share of samples whose largest score is the same; of an output of integers or BOOL, share of "
        "equal elements."
    )


class Export(Section):
    opset: int = Field(ge=18, le=23, description="ONNX opset.")
    tolerance: Tolerance = Field(description="Bounds of the difference from PyTorch; beyond them the run stops.")
