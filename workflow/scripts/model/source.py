"""The import of a model file (model/interface.py describes it), without PyTorch."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from program.cli import UserError


def load_file(path: Path, *functions: str) -> ModuleType:
    """The module of a model file, which can import the files beside it.

    Its directory stays in the path, because functions import too. Raises UserError without the file or a function, and
    when running the file raises or exits.
    """
    if not path.is_file():
        raise UserError(f"model file {path} does not exist.", "correct model.file in the config")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(path.parent.resolve()) not in sys.path:
        sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"model file {path} cannot be imported: {_reason(error, path)}.", "correct it") from error
    for name in functions:
        if not callable(getattr(module, name, None)):
            raise UserError(f"{path} has no function {name}.", "workflow/scripts/model/interface.py describes it")
    return module


def _reason(error: BaseException, path: Path) -> str:
    """The type and the first line of an error, and the line of the model file that led to it."""
    lines = [
        one.lineno
        for one in traceback.extract_tb(error.__traceback__)
        if Path(one.filename).resolve() == path.resolve()
    ]
    place = f" (line {lines[-1]})" if lines else ""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:200]}{place}"
