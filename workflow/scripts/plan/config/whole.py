"""The configuration as a whole, with its sections in the order of config/config.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from model import shapes
from plan.config.engine import Engine, Profile
from plan.config.measurement import Compare, Report, Sweep, Tune
from plan.config.model import Dataset, Export, Model, Train
from plan.config.serving import Deploy, Healthcheck, PyTriton, Serving
from plan.config.values import Distinct, InWords, Listed, OneOf, Reason, Section
from serve.variants import ENGINES, NAMED, PRECISIONS, in_precisions


class Config(Section):
    """Every key is required; config/config.yaml gives each a value and overlays change some."""

    @property
    def shapes(self) -> dict[str, shapes.Shapes]:
        """The shapes of `profile` by bound, batch axis first: an axis of 1 for a model without batches."""
        return {bound: shapes.stacked(given, self.model.batching) for bound, given in self.profile.shapes.items()}

    @property
    def served(self) -> list[str]:
        """The names of the variants that are served: those of `variants` in `precisions`."""
        return in_precisions(self.variants, self.precisions)

    run: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"),
        InWords("a name of a run", "use letters, digits, -, _ and ., the first a letter or digit; quote a number"),
    ] = Field(description="Name of the run; all outputs go to `artifacts/<run>/`.")
    model: Model = Field(description="What is served.")
    dataset: Dataset = Field(description="What the model is trained and checked with.")
    train: Train = Field(description="How `model.pt` is trained.")
    export: Export = Field(description="ONNX and TorchScript, and how exact they must be.")
    profile: Profile = Field(
        description="Shapes that engines are compiled for, as trtexec writes them (`spec:8x80x140`), batch axis first."
    )
    extra_profiles: Annotated[tuple[Profile, ...], Listed] = Field(
        description="Further profiles of TensorRT's and TensorRT-RTX's engines, each with min, opt and max as in "
        "`profile`."
    )
    engines: Annotated[tuple[Annotated[str, OneOf(ENGINES)], ...], Listed, Distinct] = Field(
        description="Engines built besides those that the variants need."
    )
    engine: Engine = Field(description="Settings of each engine.")
    server: Literal["bundled", "native"] = Field(
        description="Which Triton serves: `bundled` is that of the wheel nvidia-pytriton, `native` a full installation."
    )
    variants: Annotated[tuple[Annotated[str, OneOf(NAMED)], ...], Listed, Distinct] = Field(
        min_length=1, description="What is served, checked and measured; `precisions` says in which precisions."
    )
    precisions: Annotated[tuple[Annotated[str, OneOf(PRECISIONS)], ...], Listed, Distinct] = Field(
        min_length=1,
        description="Every variant is served in each of these that it has: `openvino`, `openvino_bf16`, "
        "`openvino_int8`. One that has none of them is served in `fp32`.",
    )
    not_served: dict[Annotated[str, OneOf(NAMED)], Reason] = Field(
        description="Variants that cannot serve this model, each with the reason, which the report shows."
    )
    serving: Serving = Field(description="How every variant is served.")
    pytriton: PyTriton = Field(description="Names that the PyTriton variants give the model.")
    healthcheck: Healthcheck = Field(description="What a variant must show through the server before it is measured.")
    sweep: Sweep = Field(description="Load levels, driven by perf_analyzer.")
    report: Report = Field(description="What the report says beyond the measurements.")
    compare: Compare = Field(description="Comparison with an earlier run (`perf_gate`).")
    tune: Tune = Field(description="The search for the best configuration within constraints.")
    deploy: Deploy = Field(description="What `make deploy` writes.")
