"""The import of a model file (model/interface.py describes it), without PyTorch."""

import importlib.util
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType

from program.cli import UserError, program
from program.overdue import bounded

# Names the seconds that a model file has, for the jobs of a run: `model.load_seconds`.
LIMIT = "TRITON_ENDPOINTS_LOAD_SECONDS"
_SECONDS = 600.0  # without that
_GRACE = 2.0  # seconds more, before the kernel ends a library that does not return


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
        with limited():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"model file {path} cannot be imported: {_reason(error, path)}.", "correct it") from error
    for name in functions:
        if not callable(getattr(module, name, None)):
            raise UserError(f"{path} has no function {name}.", "workflow/scripts/model/interface.py describes it")
    return module


@contextmanager
def limited() -> Iterator[None]:
    """Code of a model file, which may not take longer than its limit. Raises TimeoutError then.

    A library that does not return to Python is ended with this program. A copy of the program that the code forks ends
    with the block. Only in the main thread, because no other may set a handler; and not where an alarm is set that
    comes earlier.
    """
    seconds, owner = float(os.environ.get(LIMIT, _SECONDS)), os.getpid()
    late = f"it takes longer than {seconds:g} s, which model.load_seconds sets"

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(late)

    earlier = 0 < signal.getitimer(signal.ITIMER_REAL)[0] < seconds
    if earlier or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    stuck = f"{program()}: error: the model file calls a library that does not return: {late}. Hint: correct it"
    try:
        with bounded(seconds + _GRACE, stuck):
            yield
    finally:
        if os.getpid() != owner:
            os._exit(0)
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


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
