"""Engines from TensorRT's Python builder, for TensorRT and for TensorRT-RTX, which needs no GPU to build."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from engines import layers
from engines.layers import Description
from model.shapes import Shapes
from program.cli import UserError, log


@dataclass(frozen=True)
class Built:
    """A serialized engine, TensorRT's description of it, and the build time in seconds."""

    plan: bytes
    description: Description
    seconds: float


def build(
    trt: ModuleType, onnx: Path, profiles: Sequence[Mapping[str, Shapes]], tf32: bool, targets: Sequence[str]
) -> Built:
    """A strongly typed engine: every layer computes in the types of the graph, with `tf32` fp32 may use tf32.

    `trt` is the module tensorrt or tensorrt_rtx_bindings. `targets` are compute capabilities as `sm_86`, only for
    TensorRT-RTX; without any the engine is for this machine's GPU. Raises UserError with TensorRT's own message.
    """
    logger = _logger(trt)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx)):
        errors = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
        raise UserError(f"TensorRT cannot read {onnx}: {errors}.", "try another export.opset")
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    (config.set_flag if tf32 else config.clear_flag)(trt.BuilderFlag.TF32)
    for profile in profiles:
        config.add_optimization_profile(_profile(builder, profile))
    if targets:
        config.num_compute_capabilities = len(targets)
        for index, target in enumerate(targets):
            config.set_compute_capability(getattr(trt.ComputeCapability, target.upper().replace("_", "")), index)
    start = time.perf_counter()
    plan = builder.build_serialized_network(network, config)
    seconds = time.perf_counter() - start
    if plan is None:
        raise UserError(f"TensorRT cannot build the engine: {logger.errors[-1:]}.", "see profile and engine")
    return Built(bytes(plan), _description(trt, logger, plan), seconds)


def _profile(builder: Any, profile: Mapping[str, Shapes]) -> Any:
    result = builder.create_optimization_profile()
    for name in profile["min"]:
        result.set_shape(name, *(profile[bound][name] for bound in ("min", "opt", "max")))
    return result


def _description(trt: ModuleType, logger: Any, plan: Any) -> Description:
    """The description in the builder's log, or else that of the engine's inspector, which needs the engine's GPU."""
    if logger.description:
        return layers.from_text(logger.description)
    engine = trt.Runtime(logger).deserialize_cuda_engine(plan)
    inspector = engine.create_engine_inspector()
    found = layers.from_json(json.loads(inspector.get_engine_information(trt.LayerInformationFormat.JSON)))
    return Description(found.layers, found.profiles or _engine_profiles(trt, engine))


def _engine_profiles(trt: ModuleType, engine: Any) -> list[dict[str, Shapes]]:
    tensors = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    inputs = [name for name in tensors if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
    shapes = [
        {name: engine.get_tensor_profile_shape(name, index) for name in inputs}
        for index in range(engine.num_optimization_profiles)
    ]
    return [
        {
            bound: {name: list(found[name][place]) for name in inputs}
            for place, bound in enumerate(("min", "opt", "max"))
        }
        for found in shapes
    ]


def _logger(trt: ModuleType) -> Any:
    """A logger that keeps errors and the builder's description of the finished engine."""

    class Logger(trt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []
            self.description = ""

        def log(self, severity: Any, message: str) -> None:
            if message.startswith("Layers:\n"):
                self.description = message
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(message)
            if severity != trt.ILogger.VERBOSE:
                log.debug("TensorRT: %s", message)

    return Logger()
