"""How a program runs: its command line, its log, its errors in one line."""

import argparse
import difflib
import errno
import faulthandler
import logging
import os
import re
import resource
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from program.environment import prepare_environment
from program.errors import UserError as UserError
from program.process import ENDINGS, adopt_orphans, die_with_parent, end_descendants

log = logging.getLogger("triton_endpoints")
# Begins with the time: analyse/job_times.py reads it.
FORMAT = "%(asctime)s %(levelname)s %(message)s"
# Set by the Makefile: the command that its reader typed, as `make ask`.
STARTED_BY = "STARTED_BY"
# The options that are variables of make, before their value.
OPTIONS = r"--(base|config|dataset|duration|image|images|labels|model|port|protocol|requirements|run|variant) "
# What a machine lacks, and what to do about it.
LACKING = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free space there, or let artifacts or TMPDIR be on another disk"),
    errno.EFBIG: "allow larger files: ulimit -f unlimited",
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make it writable for this user"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "allow more open files: ulimit -n 1024"),
    errno.ENOMEM: "free memory, or use fewer CORES or a smaller profile.max",
}
# What libraries say that have no error of their own for it.
_OUT_OF_MEMORY = re.compile(r"out of memory|allocate.* memory|bad_?alloc|start new thread|map segment", re.IGNORECASE)
# To the beginning of the line, and remove what is there.
CLEAR = "\r\x1b[K"


class OneLine(argparse.ArgumentParser):
    """An argument parser whose errors are one line, like those of the programs."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{program()}: error: {' Hint: '.join(_argument_error(message))}\n")


def _argument_error(message: str) -> tuple[str, str]:
    """What argparse says of an argument, and a hint."""
    lists = "make help lists what it takes" if STARTED_BY in os.environ else "--help lists what it takes"
    found = re.fullmatch(r"argument (--[a-z-]+)(?:/\S+)?: (.*)", message)
    if not found:
        return f"{message}.", lists
    name = worded(f"{found[1]} ").strip()
    if choice := re.fullmatch(r"invalid choice: '(.*)' \(choose from (.*)\)", found[2]):
        known = re.findall(r"'([^']*)'", choice[2])
        return f"{name} cannot be {choice[1]}.", meant(choice[1], known) or f"it is one of {', '.join(known)}"
    if number := re.fullmatch(r"invalid int value: '(.*)'", found[2]):
        return f"{name} is {number[1]}, not a whole number.", lists
    return f"{name} {found[2]}.", lists


def program() -> str:
    """What the reader started: `make ask`, or the name of the script."""
    return os.environ.get(STARTED_BY) or Path(sys.argv[0]).name


def worded(text: str) -> str:
    """A message in the reader's terms: `--port 9000` is `PORT=9000` for someone who typed make."""
    if STARTED_BY not in os.environ:
        return text
    text = text.replace("--configfile ", "--config ").replace("--all", "VARIANT=all")
    return re.sub(OPTIONS, lambda found: f"{found[1].upper()}=", text)


def meant(given: str, known: Sequence[str]) -> str | None:
    """A question for the name that was probably meant, if one is close."""
    close = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {close[0]}?" if close else None


def named_file(text: str) -> Path:
    """The path of an option, for argparse, which would take an empty one for the working directory."""
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return Path(text)


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with what all scripts take: `--log`."""
    result = OneLine(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--log", type=Path, help="file that also receives the log, traceback included")
    return result


def run(main: Callable[[argparse.Namespace], None], arguments: argparse.ArgumentParser, quiet: bool = False) -> None:
    """Parse the command line, set up the log, call `main`, and exit: 0, 1 for a defect, 2 for a user's error.

    `quiet`: with a log, only warnings and errors of this project go to the terminal; everything else, also of
    libraries and other programs, goes to the log.

    SIGTERM, SIGHUP and the death of the parent (Snakemake, when it was killed) become SystemExit, so that context
    managers stop what they started. What others started, as a model file, is killed at the end.
    """
    options = arguments.parse_args()
    prepare_environment()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    # Before the log, which says that the job has begun.
    die_with_parent()
    adopt_orphans()
    try:
        _log_to(options.log, quiet)
        # A crash of a library leaves the lines of Python that led to it where stderr goes.
        faulthandler.enable()
        log.debug("%s", shlex.join(sys.argv))
        start = time.monotonic()
        main(options)
        _done(time.monotonic() - start)
    except UserError as error:
        log.error("%s: error: %s", program(), worded(str(error)))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if lacking := _lacking(error):
            log.error("%s: error: %s", program(), lacking)
            sys.exit(2)
        log.exception("%s failed", program())
        sys.exit(1)
    finally:
        end_descendants()


def _done(seconds: float) -> None:
    """What the program took, as analyse/job_times.py reads it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    processor, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    log.debug("done in %.3f s; %.1f s of processor time, at most %d MB", seconds, processor, memory)


def _lacking(error: BaseException | None) -> str:
    """What the machine lacks, in a line, if an error says so itself or came from one that does; else nothing."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in LACKING:
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror}. Hint: {LACKING[error.errno]}"
        said = (str(error).splitlines() or [""])[0]
        of_library = isinstance(error, RuntimeError | ImportError) and _OUT_OF_MEMORY.search(said)
        if isinstance(error, MemoryError) or of_library:
            what = f" ({said.rstrip('.')})" if said else ""
            return f"out of memory{what}. Hint: {LACKING[errno.ENOMEM]}"
        error = error.__cause__ or error.__context__
    return ""


def _end(received: int, _frame: object) -> None:
    """Leave, once: a parent's end is told for each of its threads, and a second signal would interrupt the clean-up."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + received)


def _log_to(path: Path | None, quiet: bool) -> None:
    """Log to stderr and, from debug on, to `path`."""
    # A log that can no longer be written, as on a full disk, says nothing of its own.
    logging.raiseExceptions = False
    log.setLevel(logging.DEBUG)
    stream = sys.stderr
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        if quiet:
            stream = _rest_to(path)
    console = logging.StreamHandler(stream)
    console.setLevel(logging.WARNING if path is not None and quiet else logging.INFO)
    # A terminal may show the progress of the run in this line.
    console.setFormatter(logging.Formatter(f"{CLEAR}%(message)s" if stream.isatty() else "%(message)s"))
    log.addHandler(console)
    if path is not None:
        file = logging.FileHandler(path, mode="a")
        file.setFormatter(logging.Formatter(FORMAT))
        log.addHandler(file)


def _rest_to(path: Path) -> TextIO:
    """Let stdout and stderr of this process, and of those that it starts, end in `path`; returns what was stderr."""
    terminal = os.fdopen(os.dup(2), "w")
    with path.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    return terminal
