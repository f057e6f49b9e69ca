"""The state of the project's git checkout."""

import subprocess
from pathlib import Path
from typing import Any


def state(directory: Path) -> dict[str, Any]:
    """Commit of the checkout around `directory` and whether the tree differs from it; empty outside of one."""

    def ask(*arguments: str) -> str | None:
        try:
            found = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        return found.stdout.strip() if found.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    return {} if commit is None else {"commit": commit, "dirty": bool(ask("status", "--porcelain"))}
