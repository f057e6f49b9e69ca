"""A PyTriton server whose regions in shared memory and files all lie below names that its starter gave.

So whatever a killed server left can be removed: PyTriton names regions at random, and Triton keeps the files of a model
that it is sent in a directory of /tmp.
"""

from pathlib import Path
from typing import Any

from pytriton.triton import Triton, TritonLifecyclePolicy

# The part of PyTriton that runs inside Triton has its own copy of this file; what is added names what it makes.
_DATA = "data.py"
_NAMING = """

class _Named(multiprocessing.shared_memory.SharedMemory):
    def __init__(self, name=None, create=False, size=0):
        super().__init__(name or "{prefix}_" + uuid.uuid4().hex, create, size)


multiprocessing.shared_memory.SharedMemory = _Named
"""


class NamedTriton(Triton):  # type: ignore[misc]
    """PyTriton's Triton with its files in `workspace`, a new directory, and names of regions that begin with `prefix`.

    Models are bound before it serves; `serve` starts it.
    """

    def __init__(self, workspace: Path, prefix: str, **options: Any) -> None:
        self._prefix = prefix
        policy = TritonLifecyclePolicy(launch_triton_on_startup=False, local_model_store=True)
        super().__init__(workspace=workspace, triton_lifecycle_policy=policy, **options)

    def bind(self, **described: Any) -> None:
        super().bind(**described)
        for copy in (self._workspace.model_store_path / described["model_name"]).rglob(_DATA):
            with copy.open("a", encoding="utf-8") as file:
                file.write(_NAMING.format(prefix=self._prefix))

    def _shm_prefix(self) -> str:
        return self._prefix
