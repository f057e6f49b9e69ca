"""The variants: what each one serves, and from which files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One way to serve the model.

    rule: the rule that assembles its repository.
    runtime: the file in workflow/backends/ that runs the model, and artifact: the file below artifacts/<run>/ that it
    runs; None where the variant calls, or takes over, those of `serving.inner`.
    engine: the engine that it needs itself.
    raw: whether it takes and gives `model.raw` of the config rather than tensors.
    computes: whether its answers mean anything.
    """

    rule: str = "repository"
    runtime: str | None = None
    artifact: str | None = None
    engine: str | None = None
    raw: bool = False
    computes: bool = True

    @property
    def inner(self) -> bool:
        """Whether it builds on the variant that `serving.inner` names."""
        return self.runtime is None


VARIANTS = {
    "null": Variant(runtime="runtime_null.py", computes=False),
    "onnx": Variant(runtime="runtime_onnx.py", artifact="export/model.onnx"),
    "openvino": Variant(runtime="runtime_openvino.py", artifact="engine/openvino/model.blob", engine="openvino"),
    "torchscript": Variant(runtime="runtime_torchscript.py", artifact="export/model.ts"),
    "pytriton": Variant("repository_pytriton", runtime="runtime_eager.py", artifact="model/model.pt"),
    "pytriton_engine": Variant("repository_pytriton"),
    "bls": Variant("repository_bls", raw=True),
    "ensemble": Variant("repository_ensemble", raw=True),
}


def assembled_by(rule: str) -> list[str]:
    """The variants whose repository a rule assembles."""
    return [name for name, variant in VARIANTS.items() if variant.rule == rule]


def model_of(name: str, inner: str) -> Variant:
    """The variant whose runtime, artifact and engine serve `name`; `inner` as `serving.inner` of the config."""
    return VARIANTS[inner] if VARIANTS[name].inner else VARIANTS[name]
