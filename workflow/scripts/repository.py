"""Rule repository: a complete Triton model repository for one variant, `<model>/config.pbtxt` and `<model>/1/…`.

The same directory loads in the bundled server and in any Triton with the Python backend.
"""

import argparse
import shutil
from pathlib import Path

from program import cli
from program.cli import log
from program.files import whole_directory
from serving import modelconfig


def main(options: argparse.Namespace) -> None:
    config = modelconfig.python_backend(options.settings)
    with whole_directory(options.repository) as temporary:
        version = temporary / config.name / "1"
        version.mkdir(parents=True)
        (version.parent / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
        shutil.copy(options.model_py, version / "model.py")
        shutil.copy(options.runtime, version / "runtime.py")
        if options.artifact:
            shutil.copy(options.artifact, version / options.artifact.name)
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
