"""Rule repository: a complete Triton model repository for one variant, `<model>/config.pbtxt` and `<model>/1/…`.

The same directory loads in the bundled server and in any Triton with the Python backend.
"""

import argparse
from pathlib import Path

from model import shapes
from program import cli
from program.cli import log
from program.files import whole_directory
from serve import modelconfig
from serve import repository as repositories


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    profile = {bound: shapes.parse(text) for bound, text in settings["profile"].items()}
    config = modelconfig.python_model(
        settings["name"], settings["model"]["inputs"], settings["model"]["outputs"], profile, settings["serving"]
    )
    files = {"model.py": options.model_py, "runtime.py": options.runtime}
    if options.artifact:
        files[options.artifact.name] = options.artifact
    with whole_directory(options.repository) as temporary:
        repositories.add_model(temporary, config, files)
    log.info("repository of %s, max batch %d", config.name, config.max_batch_size)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"name": …, "model": model, "profile": profile, "serving": serving}')
    result.add_argument("--model-py", type=Path, required=True, help="the served Python model")
    result.add_argument("--runtime", type=Path, required=True, help="the framework that runs it")
    result.add_argument("--artifact", type=Path, help="the exported model or engine")
    result.add_argument("--repository", type=Path, required=True, help="output: directory")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
