"""The lock and the installation of what a model needs (plan.packages), with uv."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from plan.lock import LOCK, locked
from plan.packages import added, directory, header, is_locked, lock_of
from program.cli import UserError, log
from program.files import whole_directory, write_text

# As `make lock` makes the project's own; without notes, which would have paths of this machine.
LOCKING = ("--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate")


def provide(requirements: Path, uv: str) -> None:
    """Lock requirements that are not locked, and install what is not installed. Raises UserError."""
    if not requirements.is_file():
        raise UserError(f"model.requirements: {requirements} does not exist.", "a requirement a line, as timm==1.0.9")
    if not is_locked(requirements):
        _lock(requirements, uv)
    if not directory(lock_of(requirements)).is_dir():
        _install(requirements, uv)


def _lock(requirements: Path, uv: str) -> None:
    """Resolve requirements within the project's lock, and keep what an earlier lock pins where that is possible."""
    lock = lock_of(requirements)
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "lock"
        if lock.exists():
            shutil.copy(lock, made)
        code, said = _uv(uv, "compile", str(requirements), "-c", str(LOCK), *LOCKING, "-o", str(made))
        if code != 0:
            raise _refused(requirements, said)
        text = made.read_text(encoding="utf-8")
    write_text(lock, header(requirements) + text)
    log.info("%s written: keep it with the model", lock)


def _install(requirements: Path, uv: str) -> None:
    """Install what a lock adds to the project's, all of it or nothing."""
    lock = lock_of(requirements)
    log.info("Installing what %s asks for (once)", requirements)
    with tempfile.TemporaryDirectory() as temporary, whole_directory(directory(lock)) as target:
        missing = Path(temporary) / "requirements.txt"
        missing.write_text(added(lock), encoding="utf-8")
        options = ("--no-deps", "--require-hashes", "--target", str(target))
        code, said = _uv(uv, "install", "--python", sys.executable, *options, "-r", str(missing))
        if code != 0:
            hint = "see where the packages come from; without this file, make pins those that are there now"
            raise UserError(f"{lock} cannot be installed: {_reason(said)}", hint)


def _uv(uv: str, *arguments: str) -> tuple[int, str]:
    """The exit code of uv, and what it says of errors. Raises UserError without it."""
    try:
        found = subprocess.run([uv, "pip", *arguments, "--quiet"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(f"{uv}, which installs packages, is missing.", "make sync installs it") from error
    return found.returncode, found.stderr


def _refused(requirements: Path, said: str) -> UserError:
    """Why requirements have no lock: which pin of the project they contradict, or else what uv says."""
    reason = _reason(said)
    mentioned = set(re.findall(r"(?<![\w.-])([a-z0-9-]+==[\w.+]*\w)", reason))
    pinned = sorted(mentioned & {f"{name}=={version}" for name, version in locked().items()})
    if not pinned:
        return UserError(f"{requirements} cannot be locked: {reason}", "a requirement a line, as timm==1.0.9")
    what = f"{requirements} contradicts {', '.join(pinned)} of envs/main.txt: {reason}"
    return UserError(what, "ask for a version that takes it")


def _reason(said: str) -> str:
    """The first sentence that uv gives as the cause of an error."""
    text = " ".join(re.sub(r"^error: ", "", said).split())
    return f"{re.split(r'(?<=[^.])[.] ', text.partition(' cause: ')[2] or text)[0].rstrip('.')}."
