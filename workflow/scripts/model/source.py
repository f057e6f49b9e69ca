"""The import of a model file (model/interface.py describes it), without PyTorch."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from program.cli import UserError


def load_file(path: Path, *functions: str) -> ModuleType:
    """The module of a model file, which can import the files beside it. Raises UserError without it or a function.

    Its directory stays in the path, because functions import too.
    """
    if not path.is_file():
        raise UserError(f"model file {path} does not exist.", "correct model.file in the config")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(path.parent.resolve()) not in sys.path:
        sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    for name in functions:
        if not callable(getattr(module, name, None)):
            raise UserError(f"{path} has no function {name}.", "workflow/scripts/model/interface.py describes it")
    return module
