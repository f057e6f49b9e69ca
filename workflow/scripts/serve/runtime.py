"""The runtime.py of a repository, called from this process rather than from Triton's Python backend."""

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
    """The function from the list of input arrays to the list of output arrays.

    `directory` holds runtime.py and what it runs; `inputs` and `outputs` are the model's own names; `device` as
    `serving.device` of the config.
    """
    config = {"input": [{"name": name} for name in inputs], "output": [{"name": name} for name in outputs]}
    infer: Infer = _module(directory).load(directory, config, threads, _DEVICES[device])
    return infer


def threads(setting: int | str, instances: int = 1, cores: int | None = None) -> int:
    """Threads of one instance, as in workflow/backends/model.py: the instances share `all` cores, or with `auto` half.

    `cores`: how many there are, by default those that this process may use.
    """
    shares = {"all": 1, "auto": 2}
    if setting not in shares:
        return int(setting)
    return max(1, (cores or len(os.sched_getaffinity(0))) // shares[str(setting)] // instances)


def _module(directory: Path) -> ModuleType:
    """The runtime.py of a directory; what lies beside it can be imported by it, as in Triton's Python backend."""
    sys.path.insert(0, str(directory))
    # The repository stays as it was made.
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("runtime", directory / "runtime.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
