"""The command line of a rule: its script, with what the rule names as options."""

import shlex
from collections.abc import Iterable, Mapping

from program.job import option

# Inputs that make a job run again, but are not given to its script.
NOT_GIVEN = ("code", "after")
Files = Mapping[str, str | Iterable[str]]


def command_line(run: str, script: str, *named: Files) -> str:
    """`python3 script --<name> <files> …`, quoted for the shell; a name without files drops out.

    A file of the directory `run` is `"$run"/…`: runs of another name have the same line, and find each other's results
    in a cache.
    """
    words = ["python3", script]
    for name, value in ((name, value) for files in named for name, value in files.items() if name not in NOT_GIVEN):
        files = [str(value)] if isinstance(value, str | int) else [str(one) for one in value]
        words += [option(name), *files] if files else []
    return " ".join(_quoted(word, f"{run}/") for word in words)


def _quoted(word: str, inside: str) -> str:
    return f'"$run"/{shlex.quote(word.removeprefix(inside))}' if word.startswith(inside) else shlex.quote(word)


def log_options(logs: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    """The log of a script, which has no name in its rule, as `log`; others, as `server`, as `server_log`."""
    return {f"{name}_log" if name else "log": path for name, path in logs}
