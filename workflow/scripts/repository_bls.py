"""Rule repository_bls: a repository of the model that takes raw samples and calls another one, and of that other one.

Raw samples or encoded files come in, the model file prepares them, the inner model answers, the model file interprets.
"""

import argparse
from pathlib import Path

from program import cli
from program.cli import log
from program.files import whole_directory
from serve import modelconfig
from serve import repository as repositories


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    with whole_directory(options.repository) as temporary:
        (inner,) = repositories.add_models_of(temporary, options.inner)
        config = modelconfig.bls(settings["name"], settings["model"], inner, settings["serving"])
        files = {"model.py": options.model_py, "processing.py": options.model_file}
        repositories.add_model(temporary, config, files)
    log.info("repository of %s, which calls %s", config.name, inner.name)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"name": …, "model": inputs and outputs, "serving": serving}')
    result.add_argument("--inner", type=Path, required=True, help="repository of the model that is called")
    result.add_argument("--model-py", type=Path, required=True, help="the served Python model")
    result.add_argument("--model-file", type=Path, required=True, help="Python file of the model")
    result.add_argument("--repository", type=Path, required=True, help="output: directory")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
