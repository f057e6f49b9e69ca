"""trtexec, TensorRT's command line program: its path, its version, and command lines for that version.

trtexec stops at an unknown flag, and TensorRT 11 dropped some flags and changed the defaults of others:
https://docs.nvidia.com/deeplearning/tensorrt/latest/api/migration/tensorrt-10x-to-11x-trtexec.html
This module, like everything that the rule engine_tensorrt imports for trtexec, needs only the standard library, because
it runs in containers.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.options import TensorRtOptions

HINT = "install TensorRT (trtexec in PATH, or the Python package tensorrt), or run with --sdm conda apptainer"

# Where NVIDIA's containers have it, besides PATH.
_CONTAINER_PATH = "/usr/src/tensorrt/bin/trtexec"


def find() -> str | None:
    """The path of trtexec, or None."""
    return shutil.which("trtexec") or shutil.which(_CONTAINER_PATH)


def major(help_text: str) -> int:
    """The major version, 10 or 11, from the output of `trtexec --help`: this flag is new in 11."""
    return 11 if "--includeDataTransfers" in help_text else 10


def version(output: str) -> str:
    """The version in trtexec's output, where 10.13.3 reads `[TensorRT v101303]`; `unknown` without one."""
    found = re.search(r"\[TensorRT v(\d+)(\d\d)(\d\d)\]", output)
    return ".".join(str(int(part)) for part in found.groups()) if found else "unknown"


def build(
    program: str,
    release: int,
    onnx: Path,
    plan: Path,
    profiles: Sequence[Mapping[str, str]],
    settings: TensorRtOptions,
    timing_cache: Path,
) -> list[str]:
    """The command that builds a strongly typed engine, without running it.

    `release`: the major version. `profiles`: shapes in trtexec's notation.
    """
    command = [program, f"--onnx={onnx}", f"--saveEngine={plan}"]
    for index, profile in enumerate(profiles):
        command += [f"--profile={index}", *(f"--{bound}Shapes={profile[bound]}" for bound in ("min", "opt", "max"))]
    command += [
        f"--timingCacheFile={timing_cache}",
        f"--builderOptimizationLevel={settings.optimization_level}",
        f"--hardwareCompatibilityLevel={settings.hardware_compatibility}",
        "--profilingVerbosity=detailed",
        "--skipInference",
    ]
    if settings.workspace_mib:
        command.append(f"--memPoolSize=workspace:{settings.workspace_mib}")
    if settings.precision != "tf32":
        command.append("--noTF32")
    if settings.version_compatible:
        command.append("--versionCompatible")
    if release < 11:
        command.append("--stronglyTyped")  # 11 has only these networks, and no such flag.
    return command


def measure(program: str, release: int, plan: Path, shapes: str, directory: Path) -> list[str]:
    """The command that runs an engine at `shapes` and writes layers.json, profile.json and times.json.

    Both versions measure alike: with transfers, no spinning, no CUDA graph, and layers profiled in a separate run.
    """
    same = ["--separateProfileRun"] if release < 11 else ["--includeDataTransfers", "--noSpinWait", "--noCudaGraph"]
    return [
        *(program, f"--loadEngine={plan}", f"--shapes={shapes}", "--useProfile=0", "--warmUp=200", "--duration=3"),
        *(f"--export{what}={directory / name}" for what, name in _EXPORTS.items()),
        *same,
    ]


_EXPORTS = {"LayerInfo": "layers.json", "Profile": "profile.json", "Times": "times.json"}


def profiles(output: str) -> list[dict[str, dict[str, list[int]]]]:
    """The profiles that TensorRT accepted, from the log of the build, in order."""
    result: dict[int, dict[str, dict[str, list[int]]]] = {}
    line = r"Set shape of input tensor (\S+) for optimization profile (\d+) to: MIN=(\S+) OPT=(\S+) MAX=(\S+)"
    for name, index, *bounds in re.findall(line, output):
        profile = result.setdefault(int(index), {"min": {}, "opt": {}, "max": {}})
        for bound, text in zip(profile.values(), bounds):
            bound[name] = [int(size) for size in text.split("x")]
    return [result[index] for index in sorted(result)]


def errors(output: str) -> str:
    """The first three errors in trtexec's output, in one line."""
    found = re.findall(r"\[E\] (.*)", output)
    return "; ".join(dict.fromkeys(found[:3])) or "no reason given"
