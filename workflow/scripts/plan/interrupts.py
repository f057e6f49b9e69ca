"""How Ctrl-C and a closed terminal end Snakemake: it stops its jobs, removes its lock and says so in one line."""

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Never

INTERRUPTED = "Interrupted: jobs are being stopped. Run the same command to go on."


def stop_when_interrupted() -> None:
    """Let both raise KeyboardInterrupt, also while asyncio runs; nohup still prevents that.

    asyncio puts a handler of its own in the place of Python's, though not of another. A Ctrl-C that comes before that
    counts ends in a CancelledError (Runner.run, Python 3.11), which Snakemake does not expect.
    """
    if threading.current_thread() is not threading.main_thread():  # no other may set a handler
        return
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == default:
            signal.signal(number, _interrupt)
    sys.excepthook = _say


def _interrupt(number: int, frame: FrameType | None) -> Never:
    raise KeyboardInterrupt


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught: an interrupt before the first job, or after the last one, needs no traceback."""
    if issubclass(kind, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
