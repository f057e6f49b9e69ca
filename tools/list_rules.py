"""The rules that have a shell command, as JSON, read by Snakemake itself: list_rules.py [CONFIGFILE ...]."""

import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, ResourceSettings


def main(configfiles: list[str]) -> None:
    """Print {rule: {"params": [names], "resources": [names]}} of the project in this directory."""
    with SnakemakeApi() as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=list(map(Path, configfiles))),
            snakefile=Path("Snakefile"),
        )._workflow
        found = {
            rule.name: {"params": list(rule.params.keys()), "resources": list(rule.resources)}
            for rule in workflow.rules
            if rule.shellcmd
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
