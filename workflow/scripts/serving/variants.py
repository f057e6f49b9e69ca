"""The variants: what each one serves, and from which files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One way to serve the model.

    kind: how it is served, and so which rule assembles its repository: `model` from workflow/backends/, `pytriton`,
    `bls` or `ensemble`.
    runtime: the file in workflow/backends/ that runs the model, and artifact: the file below artifacts/<run>/ that it
    runs; None where the variant calls, or takes over, those of `serving.inner`.
    engine: the engine that it needs itself.
    raw: whether it takes and gives `model.raw` of the config rather than tensors.
    computes: whether its answers mean anything.
    devices: the values of `serving.device` with which its model can run; one that does not compute runs on `cpu`.
    """

    kind: str = "model"
    runtime: str | None = None
    artifact: str | None = None
    engine: str | None = None
    raw: bool = False
    computes: bool = True
    devices: tuple[str, ...] = ("cpu",)

    @property
    def inner(self) -> bool:
        """Whether it builds on the variant that `serving.inner` names."""
        return self.runtime is None


VARIANTS = {
    "null": Variant(runtime="runtime_null.py", computes=False),
    "onnx": Variant(runtime="runtime_onnx.py", artifact="export/model.onnx"),
    "openvino": Variant(runtime="runtime_openvino.py", artifact="engine/openvino/model.blob", engine="openvino"),
    "aotinductor": Variant(
        runtime="runtime_aotinductor.py",
        artifact="engine/aotinductor/model.pt2",
        engine="aotinductor",
        devices=("cpu", "cuda"),
    ),
    "tensorrt_rtx": Variant(
        runtime="runtime_tensorrt_rtx.py",
        artifact="engine/tensorrt_rtx/model.engine",
        engine="tensorrt_rtx",
        devices=("cuda",),
    ),
    "torchscript": Variant(runtime="runtime_torchscript.py", artifact="export/model.ts", devices=("cpu", "cuda")),
    "pytriton": Variant("pytriton", runtime="runtime_eager.py", artifact="model/model.pt", devices=("cpu", "cuda")),
    "pytriton_engine": Variant("pytriton"),
    "bls": Variant("bls", raw=True),
    "ensemble": Variant("ensemble", raw=True),
}


def of_kind(kind: str) -> list[str]:
    """The variants of one kind."""
    return [name for name, variant in VARIANTS.items() if variant.kind == kind]


def model_of(name: str, inner: str) -> Variant:
    """The variant whose runtime, artifact and engine serve `name`; `inner` as `serving.inner` of the config."""
    return VARIANTS[inner] if VARIANTS[name].inner else VARIANTS[name]
