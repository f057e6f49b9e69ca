"""Sections profile and engine: what engines are compiled for."""

from typing import Annotated, Literal

from pydantic import Field

from model import shapes
from plan.config.values import Amount, Distinct, File, Listed, Section, Shapes

Precision = Literal["fp32", "tf32", "fp16", "int8"]
Target = Literal["sm_75", "sm_80", "sm_86", "sm_89", "sm_120", "sm_121"]


class Profile(Section):
    min: Shapes = Field(description="Smallest shape that is served.")
    opt: Shapes = Field(description="Shape that engines are tuned for.")
    max: Shapes = Field(description="Largest shape that is served; its batch is Triton's `max_batch_size`.")

    @property
    def shapes(self) -> dict[str, shapes.Shapes]:
        """The parsed shapes by bound."""
        return shapes.parse_profile({"min": self.min, "opt": self.opt, "max": self.max})


class TensorRtRtx(Section):
    targets: Annotated[tuple[Target, ...], Listed, Distinct] = Field(
        min_length=1, description="Compute capabilities that one engine is built for."
    )
    precision: Precision = Field(
        description="Arithmetic of the engine: `fp32`, `tf32` (10 bits of mantissa in products), `fp16` or `int8`."
    )


class TensorRt(Section):
    precision: Precision = Field(description="Arithmetic of the engine, as for `tensorrt_rtx`.")
    optimization_level: int = Field(ge=0, le=5, description="How long the builder searches, 0 to 5.")
    workspace_mib: Amount = Field(description="Most memory that a layer may use while it runs, in MiB; 0 is no limit.")
    version_compatible: bool = Field(description="Whether later TensorRT versions can load the engine.")
    hardware_compatibility: Literal["none", "ampere+", "sameComputeCapability"] = Field(
        description="Which other GPUs can run the engine."
    )


class Engine(Section):
    tensorrt_rtx: TensorRtRtx = Field(description="TensorRT-RTX, on NVIDIA GPUs; built on any machine.")
    tensorrt: TensorRt = Field(description="TensorRT, on the NVIDIA GPU of the machine that builds it.")
    modelopt: File = Field(description="Python of the environment that has ModelOpt, for engines in `fp16` and `int8`.")
