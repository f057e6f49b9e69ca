"""Rule repository_pytriton: what a PyTriton server needs: pytriton.json, the runtime, and the model that it runs.

It is no Triton repository: PyTriton binds the model from its own process. serve/server.py starts either.
"""

import argparse
import shutil
from pathlib import Path

from model import shapes
from program import cli
from program.cli import log
from program.files import whole_directory, write_json
from serve.repository import PYTRITON


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    profile = {bound: shapes.parse(text) for bound, text in settings["profile"].items()}
    description = {
        "name": settings["name"],
        **settings["model"],
        "runs": settings["runs"],
        "max_batch_size": shapes.batch(profile["max"]),
        "profile": profile,
        **settings["serving"],
    }
    with whole_directory(options.repository) as temporary:
        write_json(temporary / PYTRITON, description)
        shutil.copy(options.runtime, temporary / "runtime.py")
        if options.model_file:
            shutil.copy(options.model_file, temporary / "processing.py")
        shutil.copy(options.artifact, temporary / options.artifact.name)
    log.info("PyTriton server of %s, max batch %d", description["name"], description["max_batch_size"])


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result,
        '{"name": …, "model": as served, "runs": names in the model, "profile": min and max, "serving": serving}',
    )
    result.add_argument("--runtime", type=Path, required=True, help="the framework that runs the model")
    result.add_argument("--artifact", type=Path, required=True, help="weights, exported model or engine")
    result.add_argument("--model-file", type=Path, help="Python file of the model, where it has one")
    result.add_argument("--repository", type=Path, required=True, help="output: directory")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
