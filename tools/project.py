"""A copy of the project in which Snakemake may run."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Project:
    """A copy of the project; relative paths of configurations are taken from it."""

    root: Path

    def command(self, *arguments: str, configfiles: tuple[str | Path, ...] = ()) -> list[str]:
        """The command line of Snakemake in this environment."""
        overlays = ["--configfile", *map(str, configfiles)] if configfiles else []
        return [str(Path(sys.executable).parent / "snakemake"), *arguments, *overlays]

    def snakemake(
        self, *arguments: str, configfiles: tuple[str | Path, ...] = (), check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake; with `check` a failure shows what it printed."""
        command = self.command(*arguments, configfiles=configfiles)
        found = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        assert found.returncode == 0 or not check, found.stdout + found.stderr
        return found

    def summary(
        self, *targets: str, configfiles: tuple[str | Path, ...] = (), detailed: bool = False
    ) -> list[dict[str, str]]:
        """What Snakemake knows and plans of every output: one mapping per output, by the names of its columns."""
        option = "--detailed-summary" if detailed else "--summary"
        head, *rows = self.snakemake(option, *targets, configfiles=configfiles).stdout.splitlines()
        return [dict(zip(head.split("\t"), row.split("\t"))) for row in rows]

    def planned(self, *targets: str, configfiles: tuple[str | Path, ...] = ()) -> set[str]:
        """All outputs that a run would make, as short() gives them."""
        rows = self.summary(*targets, configfiles=configfiles)
        return {short(row["output_file"]) for row in rows if row["plan"] == "update pending"}

    def rules(self, *configfiles: str | Path) -> dict[str, dict[str, list[str]]]:
        """All rules with a shell command, as Snakemake reads them, each with the names of its params and resources."""
        found = subprocess.run(
            [sys.executable, Path(__file__).with_name("list_rules.py"), *configfiles],
            cwd=self.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        rules: dict[str, dict[str, list[str]]] = json.loads(found.stdout)
        return rules


def short(output: str) -> str:
    """An output's path below artifacts/<run>/, or below artifacts/ where runs share it."""
    _, run, path = output.split("/", 2)
    return f"{run}/{path}" if run == "backends" else path


def copy_project(target: Path) -> Project:
    """Copy what git tracks, and what it would track, to `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return Project(target)
