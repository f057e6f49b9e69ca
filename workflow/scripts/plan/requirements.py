"""What jobs need of this machine besides a GPU, looked for before the first of them without heavy imports."""

import importlib.util
import os
import shutil
from collections.abc import Collection, Mapping

from engines import trtexec
from program.cli import UserError
from serve import docker


def require_programs(jobs: Collection[str], modelopt: str, model_analyzer: str) -> None:
    """Raises UserError when one of `jobs`, names of rules, misses its program.

    `modelopt`: as `engine.modelopt`; `model_analyzer`: as `tune.model_analyzer`.
    """
    compiler = os.environ.get("CXX", "g++")
    if "backend" in jobs and not shutil.which(compiler):
        raise UserError(
            f"backend: needs a C++ compiler, and {compiler} is not in PATH.",
            "Debian: apt-get install g++; CXX names another; or set serving.backend to python",
        )
    if "engine_aotinductor" in jobs and not shutil.which(compiler):
        raise UserError(
            f"engine_aotinductor: needs a C++ compiler, and {compiler} is not in PATH.",
            "Debian: apt-get install g++; CXX names another; or leave aotinductor out of variants and engines",
        )
    if "engine_tensorrt" in jobs and not (trtexec.find() or importlib.util.find_spec("tensorrt")):
        raise UserError("engine_tensorrt: neither trtexec nor the Python package tensorrt is here.", trtexec.HINT)
    if "low_precision" in jobs and not shutil.which(modelopt):
        raise UserError(
            f"low_precision: {modelopt}, which runs ModelOpt, is missing.",
            "make modelopt installs it; or set the precision of the engines to fp32 or tf32",
        )
    if "tune_search" in jobs and not shutil.which(model_analyzer):
        raise UserError(f"tune_search: {model_analyzer}, which is Model Analyzer, is missing.", "make tune installs it")


def require_search_server(jobs: Collection[str], launch: Mapping[str, str]) -> None:
    """Raises UserError when a server that `jobs` search is not reachable. `launch`: as tune_launch() says."""
    if launch["mode"] == "docker" and "tune_search" in jobs:
        docker.require()
    if launch["mode"] == "remote" and {"tune_search", "tune_proof"}.intersection(jobs):
        # Triton's messages and an HTTP client, which no other plan needs.
        from serve import remote

        remote.require(launch)
