"""The variants: what each one serves, and from which files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One way to serve the model.

    artifact: the file below artifacts/<run>/ that its repository carries; runtime: the file in workflow/backends/ that
    runs it; engine: the engine that it needs; computes: whether its answers mean anything.
    """

    runtime: str
    artifact: str | None = None
    engine: str | None = None
    computes: bool = True


VARIANTS = {
    "null": Variant("runtime_null.py", computes=False),
    "onnx": Variant("runtime_onnx.py", "export/model.onnx"),
    "openvino": Variant("runtime_openvino.py", "engine/openvino/model.blob", engine="openvino"),
    "torchscript": Variant("runtime_torchscript.py", "export/model.ts"),
}
