"""Published vulnerabilities of the packages in the locks, by pip-audit and the advisories that the package index has.

Fails for every one that envs/audit.yaml does not name with a reason, for a reason that has nothing to explain any more,
and where a package cannot be looked up: a lock is not sound because nobody knew.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

VERSION = "2.9.0"
HINT = "the package index has to answer /pypi/<name>/<version>/json, as pypi.org does; a mirror may not"


def packages(lock: Path, program: Sequence[str]) -> list[dict[str, Any]]:
    """What pip-audit says of each package of a lock: name, version and vulns, or name and skip_reason."""
    command = [*program, "--requirement", str(lock), "--require-hashes", "--disable-pip", "--format", "json"]
    found = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        result: list[dict[str, Any]] = json.loads(found.stdout)["dependencies"]
    except (ValueError, KeyError):
        *_, last = ["it says nothing", *found.stderr.strip().splitlines()]
        fail(f"pip-audit cannot audit {lock}: {last.strip()}.")
    return result


def faults(locks: Sequence[Path], program: Sequence[str], known: dict[str, str]) -> Iterator[str]:
    """A line for each vulnerability that is not known, and for each known one that no lock has."""
    met, unknown = set(), {}
    for lock in locks:
        for package in packages(lock, program):
            if "skip_reason" in package:
                unknown[package["name"]] = package["skip_reason"]
            for one in package.get("vulns", []):
                names = {one["id"], *one["aliases"]}
                met |= names
                if not names & known.keys():
                    fixed = ", ".join(one["fix_versions"]) or "no version"
                    yield f"{lock}: {package['name']} {package['version']} has {one['id']}, fixed in {fixed}"
    if unknown:
        fail(f"{len(unknown)} packages could not be looked up, the first: {next(iter(unknown.values()))}.")
    yield from (f"{name} is explained, and no lock has it" for name in known.keys() - met)


def fail(what: str) -> None:
    """End with one line: the audit did not take place."""
    sys.stderr.write(f"audit.py: error: {what} Hint: {HINT}\n")
    sys.exit(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uv", default="uv", help="the program uv, which runs pip-audit")
    parser.add_argument(
        "--exceptions", type=Path, required=True, help="YAML: what is known, by its id, and why it stays"
    )
    parser.add_argument("locks", type=Path, nargs="+", help="requirements with hashes")
    options = parser.parse_args()
    known = yaml.safe_load(options.exceptions.read_text()) or {}
    program = [options.uv, "tool", "run", "--quiet", "--from", f"pip-audit=={VERSION}", "pip-audit"]
    found = list(faults(options.locks, program, known))
    print("\n".join([*found, f"{len(options.locks)} locks, {len(known)} known vulnerabilities, {len(found)} faults"]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
