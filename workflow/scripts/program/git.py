"""The state of the project's git checkout."""

import subprocess
from pathlib import Path
from typing import Any


def state(directory: Path) -> dict[str, Any]:
    """`commit` of the checkout around `directory`, and `dirty` if files differ from it; empty outside a checkout."""

    def ask(*arguments: str) -> str | None:
        try:
            found = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        return found.stdout.strip() if found.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    return {} if commit is None else {"commit": commit, "dirty": bool(ask("status", "--porcelain"))}
