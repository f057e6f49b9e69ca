"""Docker, in which Model Analyzer runs the server of a search with `tune.launch: docker`."""

import shutil
import subprocess

from program.cli import UserError


def require() -> None:
    """Raises UserError if Docker is not installed or its daemon does not answer."""
    if shutil.which("docker") is None:
        raise UserError("config: tune.launch: docker is not in PATH.", "install docker, or choose local or remote")
    found = _docker("version")
    if found.returncode != 0:
        said = found.stderr.strip().partition("\n")[0].rstrip(".")
        hint = "start the daemon, join its group, or choose local or remote"
        raise UserError(f"config: tune.launch: docker does not answer: {said}.", hint)


def remove(label: str) -> None:
    """Remove all containers with the label `label`, written `key=value`."""
    for container in _docker("ps", "--all", "--quiet", "--filter", f"label={label}").stdout.split():
        _docker("rm", "--force", container)


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
