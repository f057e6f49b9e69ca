"""make audit: what it lets pass, and what it does not take for sound."""

import json
import sys
from pathlib import Path

import pytest
import yaml

import audit
from conftest import ROOT

# Prints what pip-audit prints of a lock, whose name it gets after --requirement.
FAKE = "import pathlib, sys; print(pathlib.Path(sys.argv[2]).with_suffix('.json').read_text())"
PROGRAM = [sys.executable, "-c", FAKE]
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
OLD = {
    "name": "old",
    "version": "0.9",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.0", "1.1"], "description": ""}],
}
SKIPPED = {"name": "unknown", "skip_reason": "Dependency not found on PyPI and could not be audited: unknown (1.0)"}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "main.txt"


def faults(lock: Path, known: dict[str, str], *packages: dict) -> list[str]:
    lock.with_suffix(".json").write_text(json.dumps({"dependencies": packages, "fixes": []}))
    return list(audit.faults([lock], PROGRAM, known))


@pytest.mark.parametrize(
    ("packages", "known", "lines"),
    [
        ([SOUND], {}, []),
        ([SOUND, OLD], {}, ["main.txt: old 0.9 has PYSEC-1, fixed in 1.0, 1.1"]),
        ([OLD], {"CVE-1": "not called"}, []),
        ([SOUND], {"CVE-1": "not called"}, ["CVE-1 is explained, and no lock has it"]),
    ],
)
def test_faults(lock, packages, known, lines):
    assert [line.removeprefix(f"{lock.parent}/") for line in faults(lock, known, *packages)] == lines


@pytest.mark.parametrize("answer", [{"dependencies": [SOUND, SKIPPED]}, {}])
def test_what_cannot_be_looked_up_is_not_sound(lock, answer, capsys):
    lock.with_suffix(".json").write_text(json.dumps(answer))
    with pytest.raises(SystemExit, match="2"):
        list(audit.faults([lock], PROGRAM, {}))
    said = capsys.readouterr().err
    assert said.startswith("audit.py: error: ") and said.count("\n") == 1 and audit.HINT in said


def test_every_known_vulnerability_has_a_reason():
    known = yaml.safe_load((ROOT / "envs" / "audit.yaml").read_text())
    assert all(isinstance(why, str) and len(why.split()) > 2 for why in known.values())
