"""The outputs that a run must have, as the documentation says; found without the code that plans them."""

from collections.abc import Iterable

NATIVE_BACKENDS = {
    f"backends/endpoints_{engine}/libtriton_endpoints_{engine}.so"
    for engine in ("null", "openvino", "aotinductor", "torchscript")
}
HEAD_TO_HEAD = {"perf/head_to_head/points.csv", "perf/head_to_head/raw"}
# What runs again whenever anything does.
CLOSING = {
    *(f"provenance/{name}" for name in ("run_config.yaml", "versions.json", "system.json")),
    *(f"report/{name}" for name in ("perf_report.html", "perf_summary.csv", "perf_summary.json")),
}


def expected_outputs(config: dict) -> set[str]:
    """Every output of a run, relative to its directory."""
    repeats = range(1, config["sweep"]["repeats"] + 1)
    result = {
        *("dataset/train.npz", "dataset/test.npz", "dataset/dataset.json"),
        *("model/model.pt", "model/metrics.json", "model/accepted.json"),
        *HEAD_TO_HEAD,
        *("export/model.onnx", "export/model.ts", "export/parity.json"),
        *("export/reference.npz", "export/reference_raw.npz"),
        *CLOSING,
    }
    if config["dataset"]["source"] is None:
        result -= {"dataset/train.npz", "dataset/test.npz", "dataset/dataset.json", "export/reference_raw.npz"}
    # Those that build on serving.inner need its engine, and its repository where they call it.
    inner = config["serving"]["inner"]
    variants = served_variants(config)
    same = {
        **dict.fromkeys(("pytriton_engine", "bls", "ensemble"), inner),
        **{name: name.replace("_python", "") for name in variants if name.startswith("openvino_python")},
    }
    used = {same.get(variant, variant) for variant in variants}
    # Only the exports that something needs are made.
    if "torchscript" not in used:
        result.remove("export/model.ts")
    if not {"onnx", "openvino", "tensorrt", "tensorrt_rtx"} & {
        name.split("_")[0] for name in [*used, *config["engines"]]
    }:
        result.remove("export/model.onnx")
    if any(name.endswith("_int8") for name in used):
        result.add("export/int8/model.onnx")
    # Every model that computes is also called without a server, once for all variants that serve it, unless it runs in
    # Triton's own backend.
    own = {"tensorrt", "onnx", "torchscript"} if config["server"] == "native" else set()
    result |= in_process_outputs(used - own, repeats)
    engines = {
        **{"openvino": "model.blob", "aotinductor": "model.pt2"},
        **{"tensorrt_rtx": "model.engine", "tensorrt": "model.plan"},
    }
    engines |= {f"openvino_{precision}": "model.blob" for precision in ("fp16", "bf16", "int8")}
    engines["aotinductor_bf16"] = "model.pt2"
    for backend in {*config["engines"], *used & set(engines)}:
        result |= {f"engine/{backend}/{engines[backend]}", f"engine/{backend}/engine.json"}
    served = set(variants)
    if {"bls", "ensemble"} & served:
        served.add(inner)
        result |= repository_outputs(inner)
    # Native backends are built together, where one of them serves.
    if config["serving"]["backend"] == "native" and (served - own) & {"null", "openvino", "aotinductor", "torchscript"}:
        result |= NATIVE_BACKENDS
    return result.union(*(variant_outputs(variant, repeats) for variant in variants))


def served_variants(config: dict) -> list[str]:
    """The variants of a run in its precisions."""
    has = {"openvino": ("fp16", "bf16", "int8"), "openvino_python": ("fp16", "bf16", "int8"), "onnx": ("int8",)}
    has["aotinductor"] = ("bf16",)
    found = []
    for name in config["variants"]:
        own = {"fp32": name} | {precision: f"{name}_{precision}" for precision in has.get(name, ())}
        found += [own[precision] for precision in config["precisions"] if precision in own] or [name]
    return found


def variant_outputs(variant: str, repeats: Iterable[int]) -> set[str]:
    """The outputs that one variant has for itself."""
    return {
        *repository_outputs(variant),
        f"health/{variant}.checks.json",
        f"health/{variant}.json",
        *measured_outputs(variant, repeats),
    }


def repository_outputs(variant: str) -> set[str]:
    """The repository of a variant and the list of what it holds."""
    return {f"repository/{variant}", f"repository/{variant}.json"}


def in_process_outputs(variants: Iterable[str], repeats: Iterable[int]) -> set[str]:
    """The outputs of the measurements without a server; by default some run the model of openvino."""
    on_openvino = {"pytriton_engine", "bls", "ensemble", "openvino_python"}
    models = {"openvino" if name in on_openvino else name for name in variants} - {"null"}
    return {f"in_process/{model}/repeat-{repeat}.csv" for model in models for repeat in repeats}


def measured_outputs(variant: str, repeats: Iterable[int]) -> set[str]:
    """The outputs of the sweeps of one variant."""
    return {f"perf/{variant}/repeat-{repeat}/{name}" for repeat in repeats for name in ("points.csv", "raw")}
