"""Measured points as files, so that each is measured once.

A point is a directory, named after its load, with point.json and perf_analyzer's own files. It appears as soon as the
point is measured, and is no output of a rule: Snakemake removes the outputs of a job that runs again or fails. It holds
as long as everything that decided it is the same.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plan.loads import Load
from program.errors import UserError
from program.files import read_json, sha256_of, whole_directory, write_json
from program.typed import canonical

_POINT = "point.json"


@dataclass(frozen=True)
class Store:
    """The points of one variant and repeat.

    decided_by: what their figures follow from besides the load; slo_ms: what those at a request rate follow from too.
    """

    directory: Path
    decided_by: Mapping[str, Any]
    slo_ms: float | None

    def has(self, load: Load) -> bool:
        """Whether the point was measured under the same conditions, and did not fail; a damaged one is as none."""
        try:
            stored = read_json(self._directory(load) / _POINT)
        except (FileNotFoundError, UserError):
            return False
        return bool(stored["identity"] == self._identity(load) and stored["point"]["status"] != "failed")

    def point(self, load: Load) -> dict[str, Any]:
        """The point as it was measured last."""
        found: dict[str, Any] = read_json(self._directory(load) / _POINT)["point"]
        return found

    @contextmanager
    def measuring(self, load: Load) -> Iterator[tuple[Path, dict[str, Any]]]:
        """A directory for raw files and a dictionary for the point; both are kept when the block has ended well."""
        point: dict[str, Any] = {}
        with whole_directory(self._directory(load)) as directory:
            yield directory, point
            write_json(directory / _POINT, {"identity": self._identity(load), "point": point})

    def copy_raw(self, load: Load, target: Path) -> None:
        """Copy the raw files of a point into a directory."""
        for path in self._directory(load).iterdir():
            if path.name != _POINT:
                shutil.copy(path, target)

    def _directory(self, load: Load) -> Path:
        return self.directory / load.name

    def _identity(self, load: Load) -> str:
        slo_ms = None if load.closed else self.slo_ms
        return sha256_of(canonical({**self.decided_by, "load": vars(load), "slo_ms": slo_ms}).encode())
