"""The runtime.py of a repository, called in this process instead of in Triton's Python backend."""

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

_DEVICES = {"cpu": "cpu", "cuda": "cuda:0"}
Infer = Callable[[list[np.ndarray]], list[np.ndarray]]


def load(directory: Path, inputs: Sequence[str], outputs: Sequence[str], threads: int, device: str) -> Infer:
    """The `infer` of the runtime in `directory` (docs/architecture.md has its contract).

    `inputs` and `outputs` are the model's own names, in order. `device` is `serving.device` of the config.
    """
    config = {"input": [{"name": name} for name in inputs], "output": [{"name": name} for name in outputs]}
    infer: Infer = _module(directory).load(directory, config, threads, _DEVICES[device])
    return infer


def threads(setting: int | str, instances: int = 1, cores: int | None = None) -> int:
    """Threads of one instance, as in workflow/backends/model.py: the instances share `all` cores, with `auto` half.

    `cores` defaults to the cores that this process may use.
    """
    shares = {"all": 1, "auto": 2}
    if setting not in shares:
        return int(setting)
    return max(1, (cores or len(os.sched_getaffinity(0))) // shares[str(setting)] // instances)


def _module(directory: Path) -> ModuleType:
    """The runtime.py of a directory. It can import the files beside it, as in Triton's Python backend."""
    sys.path.insert(0, str(directory))
    # Bytecode would change the repository.
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("runtime", directory / "runtime.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
