"""The variants: what each one serves, and from which files."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from model.signature import Tensor

# The second form in which `bls` takes a sample: the bytes of a file, one per sample.
ENCODED = Tensor("encoded", "BYTES", [1])
# What a model may compute in, the most precise first. In fp32 a variant has its plain name, else <name>_<precision>.
PRECISIONS = ("fp32", "fp16", "bf16", "int8")


@dataclass(frozen=True)
class Native:
    """Triton's own backend, and the name of the file that it loads."""

    backend: str
    file: str


@dataclass(frozen=True)
class Variant:
    """One way to serve the model.

    kind: how it is served, and so which rule assembles its repository: `model` from workflow/backends/, `native` by
    Triton's own backend, `pytriton`, `bls` or `ensemble`. `kind_of` takes the server into account.
    of: the variant whose runtime, artifact and engine it serves as well, only in another way.
    runtime: the file in workflow/backends/ that runs the model, and artifact: the file below artifacts/<run>/ that it
    runs; None where the variant calls, or takes over, those of `serving.inner`.
    engine: the engine that it needs itself. tuned: whether the engine's kernels are chosen for `profile.opt`, so that
    Triton forms batches of that size as soon as it can.
    backend: the engine of workflow/backends/native/ that serves it in C++, where `serving.backend` says so.
    raw: whether it takes and gives `model.raw` of the config rather than tensors.
    native: the backend that takes the place of the runtime where Triton has it.
    pytorch: whether it needs the model as PyTorch code, which a ready model.onnx is not.
    computes: whether its answers mean anything.
    threads: what `serving.threads: auto` is for it, `auto` (half of the cores) or `all` (docs/performance.md).
    devices: the values of `serving.device` with which its model can run; one that does not compute runs on `cpu`.
    packages: the Python packages that its runtime needs, as their index names them; the report shows their versions.
    cuda_packages: those that take their place on `cuda`, where others do.
    lower: the precisions besides fp32 that it can be served in; precision: the one that it is served in.
    """

    kind: str = "model"
    of: str | None = None
    runtime: str | None = None
    artifact: str | None = None
    engine: str | None = None
    tuned: bool = False
    backend: str | None = None
    raw: bool = False
    native: Native | None = None
    pytorch: bool = False
    computes: bool = True
    threads: str = "auto"
    devices: tuple[str, ...] = ("cpu",)
    packages: tuple[str, ...] = ()
    cuda_packages: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    precision: str = "fp32"

    @property
    def inner(self) -> bool:
        """Whether it builds on the variant that `serving.inner` names."""
        return self.runtime is None and self.native is None and self.of is None

    def needs(self, device: str) -> tuple[str, ...]:
        """The packages of its runtime on a device, as `serving.device` of the config."""
        return (device == "cuda" and self.cuda_packages) or self.packages


VARIANTS = {
    "null": Variant(runtime="runtime_null.py", backend="null", computes=False),
    "onnx": Variant(
        runtime="runtime_onnx.py",
        artifact="export/model.onnx",
        native=Native("onnxruntime", "model.onnx"),
        threads="all",
        devices=("cpu", "cuda"),
        packages=("onnxruntime",),
        cuda_packages=("onnxruntime-gpu",),
        lower=("int8",),
    ),
    "openvino": Variant(
        runtime="runtime_openvino.py",
        artifact="engine/openvino/model.blob",
        engine="openvino",
        backend="openvino",
        threads="all",
        packages=("openvino",),
        lower=("fp16", "bf16", "int8"),
    ),
    # The same engine in Triton's Python backend: what Python costs.
    "openvino_python": Variant(of="openvino", lower=("fp16", "bf16", "int8")),
    "aotinductor": Variant(
        runtime="runtime_aotinductor.py",
        artifact="engine/aotinductor/model.pt2",
        engine="aotinductor",
        backend="aotinductor",
        pytorch=True,
        devices=("cpu", "cuda"),
        packages=("torch",),
        lower=("bf16",),
    ),
    "tensorrt_rtx": Variant(
        runtime="runtime_tensorrt_rtx.py",
        artifact="engine/tensorrt_rtx/model.engine",
        engine="tensorrt_rtx",
        tuned=True,
        devices=("cuda",),
        packages=("tensorrt-rtx-cu13-bindings", "tensorrt-rtx-cu13-libs", "torch"),
    ),
    "torchscript": Variant(
        runtime="runtime_torchscript.py",
        artifact="export/model.ts",
        native=Native("pytorch", "model.pt"),
        backend="torchscript",
        pytorch=True,
        devices=("cpu", "cuda"),
        packages=("torch",),
    ),
    "tensorrt": Variant(
        "native",
        artifact="engine/tensorrt/model.plan",
        engine="tensorrt",
        tuned=True,
        native=Native("tensorrt", "model.plan"),
        devices=("cuda",),
    ),
    "pytriton": Variant(
        "pytriton",
        runtime="runtime_eager.py",
        artifact="model/model.pt",
        pytorch=True,
        devices=("cpu", "cuda"),
        packages=("torch",),
    ),
    "pytriton_engine": Variant("pytriton"),
    "bls": Variant("bls", raw=True),
    "ensemble": Variant("ensemble", raw=True),
}


def _lowered(variant: Variant, precision: str) -> Variant:
    """The same in a lower precision: of an engine of its own, or of the graph in that precision; on CPU."""
    ending = f"_{precision}"
    engine, artifact = variant.engine and variant.engine + ending, variant.artifact
    if artifact and engine:
        artifact = artifact.replace(f"/{variant.engine}/", f"/{engine}/")
    elif artifact:
        artifact = artifact.replace("export/", f"export/{precision}/")
    of = variant.of and variant.of + ending
    return replace(
        variant, of=of, artifact=artifact, engine=engine, devices=("cpu",), cuda_packages=(), precision=precision
    )


# As `variants` of the config names them; `precisions` says in which precisions they are served.
NAMED = tuple(VARIANTS)
VARIANTS |= {
    f"{name}_{precision}": _lowered(variant, precision)
    for name, variant in VARIANTS.items()
    for precision in variant.lower
}

# What `serving.inner`, `tune.variants` and `deploy.variant` may name: repositories of one model, which computes.
OF_ONE_MODEL = tuple(
    name for name, variant in VARIANTS.items() if variant.computes and variant.kind in ("model", "native")
)
# The engines of workflow/backends/native/.
BACKENDS = tuple(dict.fromkeys(variant.backend for variant in VARIANTS.values() if variant.backend))
# As `engines` of the config names them, in fp32.
ENGINES = tuple(engine for name in NAMED if (engine := VARIANTS[name].engine))
# What serves on CPU without a preparation by the user: what `make new` begins with.
OFFERED = tuple(
    name
    for name in NAMED
    if (variant := VARIANTS[name]).kind in ("model", "pytriton") and variant.runtime and "cpu" in variant.devices
)
# What serves and what asks: packages that no script imports.
SERVER_PACKAGES = ("nvidia-pytriton", "tritonclient")
# The packages on whose versions the figures depend: the report shows them.
PACKAGES = tuple(
    dict.fromkeys(
        (
            *(package for variant in VARIANTS.values() for package in (*variant.packages, *variant.cuda_packages)),
            *SERVER_PACKAGES,
            "onnx",
            "numpy",
            "snakemake",
        )
    )
)


def in_precisions(names: Iterable[str], precisions: Iterable[str]) -> list[str]:
    """The variants that `names` stand for: each in those of `precisions` that it has, or in fp32 if it has none."""
    wanted = list(precisions)
    found = []
    for name in names:
        own = {"fp32": name} | {precision: f"{name}_{precision}" for precision in VARIANTS[name].lower}
        found += [own[precision] for precision in wanted if precision in own] or [name]
    return found


def in_fp32(name: str) -> str:
    """The variant that differs from this one in the precision alone; a name that is not known is its own."""
    return name.removesuffix(f"_{precision_of(name)}")


def precision_of(name: str) -> str:
    """What a variant computes in, `fp32` where it is not known."""
    return VARIANTS[name].precision if name in VARIANTS else "fp32"


def kind_of(name: str, server: str) -> str:
    """The kind of a variant on a server, `bundled` or `native` as in the config."""
    variant = VARIANTS[name]
    return "native" if variant.native and server == "native" else variant.kind


def of_kind(kind: str, server: str) -> list[str]:
    """The variants of one kind on a server."""
    return [name for name in VARIANTS if kind_of(name, server) == kind]


def computing(name: str, inner: str) -> str:
    """The name of the variant whose runtime, artifact and engine serve `name`: itself, another, or `serving.inner`."""
    found = inner if VARIANTS[name].inner else name
    return VARIANTS[found].of or found


def model_of(name: str, inner: str) -> Variant:
    """The variant whose runtime, artifact and engine serve `name`; `inner` as `serving.inner` of the config."""
    return VARIANTS[computing(name, inner)]
