"""What the stages share: the checked configuration, and how a rule names its settings and its code."""

import json
import os
import sys
from pathlib import Path

PROJECT = Path(workflow.current_basedir).parent
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from program.cli import UserError
from program.imports import project_imports
from serving.variants import VARIANTS
from settings.validation import validate

# Jobs find this environment's programs also where it was not activated.
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

try:
    validate(config, Path.cwd())
except UserError as error:
    sys.exit(str(error))

RESULTS = f"artifacts/{config['run']}"
ENGINES = sorted({VARIANTS[name].engine for name in config["variants"]} - {None})


wildcard_constraints:
    variant="|".join(VARIANTS),
    repeat=r"[1-9]\d*",


def settings(**parts):
    """A rule's settings as canonical JSON.

    Snakemake compares params as an unordered set of their texts; a single text in a fixed order makes that exact.
    """
    return json.dumps(parts, sort_keys=True)


def code(script):
    """A script and the project's modules that it imports: editing any of them reruns its rule."""
    scripts = PROJECT / "workflow" / "scripts"
    return [os.path.relpath(path) for path in project_imports(scripts / script, scripts)]


def served_name(variant):
    """Name of the served model of a variant."""
    return f"{config['model']['name']}_{variant}"


def served_profile(variant):
    """The part of the profile that a variant knows: opt is the engines' alone."""
    bounds = ("min", "opt", "max") if VARIANTS[variant].engine else ("min", "max")
    return {bound: config["profile"][bound] for bound in bounds}
