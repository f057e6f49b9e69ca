"""Before a run: install what the model needs beyond the project's packages, and check the configuration."""

import argparse

from plan.config import checked
from plan.configured import PROJECT, add_overlays, configured
from plan.installer import provide
from program import cli


def main(options: argparse.Namespace) -> None:
    config = configured(options.configfile)
    model = config["model"]
    name = model["requirements"] if isinstance(model, dict) else ""
    # What is no text is refused below, with all other mistakes.
    if name and isinstance(name, str):
        provide(PROJECT / name, options.uv)
    checked(config, PROJECT)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    add_overlays(result)
    result.add_argument("--uv", default="uv", help="what installs packages (default: %(default)s)")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
