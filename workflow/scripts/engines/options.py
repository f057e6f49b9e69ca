"""What a TensorRT engine is built with; it needs nothing but Python, because a plan reads it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorRtOptions:
    """`engine.tensorrt` of the config."""

    precision: str
    optimization_level: int
    workspace_mib: int
    version_compatible: bool
    hardware_compatibility: str
