"""The import of a model file (model/interface.py describes it), without PyTorch."""

import importlib.util
from pathlib import Path
from types import ModuleType

from program.cli import UserError


def load_file(path: Path, *functions: str) -> ModuleType:
    """The module of a model file. Raises UserError if it is missing or lacks `build` or one of `functions`."""
    if not path.is_file():
        raise UserError(f"model file {path} does not exist.", "correct model.file in the config")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("build", *functions):
        if not callable(getattr(module, name, None)):
            raise UserError(f"{path} has no function {name}.", "workflow/scripts/model/interface.py describes it")
    return module
