"""The command line of a rule: its script, with what the rule names as options."""

import shlex
from collections.abc import Iterable, Mapping

from program.job import option

# Inputs that make a job run again, but are not given to its script.
NOT_GIVEN = ("code", "after")
Files = Mapping[str, str | Iterable[str]]


def command_line(script: str, *named: Files) -> str:
    """`python3 script --<name> <files> …`, quoted for the shell; a name without files drops out."""
    words = ["python3", script]
    for name, value in ((name, value) for files in named for name, value in files.items() if name not in NOT_GIVEN):
        files = [str(value)] if isinstance(value, str | int) else [str(one) for one in value]
        words += [option(name), *files] if files else []
    return shlex.join(words)


def log_options(logs: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    """The log of a script, which has no name in its rule, as `log`; others, as `server`, as `server_log`."""
    return {f"{name}_log" if name else "log": path for name, path in logs}
