"""Rule repository_ensemble: the function of `bls` as three models that Triton's ensemble scheduler connects.

Two Python models hold what the model file does before and after; between them stands the inner model. It takes raw
samples alone: an ensemble cannot choose between two forms of input.
"""

import argparse
from pathlib import Path
from typing import Any

from model import shapes
from program import cli
from program.cli import log
from program.files import whole_directory
from serve import modelconfig
from serve import repository as repositories
from serve.modelconfig import Tensors


def tensors(described: Any) -> Tensors:
    """Inputs or outputs of a ModelConfig in the form of the config."""
    return [
        {"name": one.name, "dtype": modelconfig.type_name(one.data_type), "dims": list(one.dims)} for one in described
    ]


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    raw, name = settings["model"], settings["name"]
    with whole_directory(options.repository) as temporary:
        (inner,) = repositories.add_models_of(temporary, options.inner)
        batches = (shapes.batch(shapes.parse(settings["min"])), inner.max_batch_size)

        def python_model(step: str, inputs: Tensors, outputs: Tensors, runtime: Path) -> Any:
            profile = modelconfig.fixed_profile(inputs, *batches)
            config = modelconfig.python_model(f"{name}_{step}", inputs, outputs, profile, settings["serving"])
            files = {"model.py": options.model_py, "runtime.py": runtime, "processing.py": options.model_file}
            repositories.add_model(temporary, config, files)
            return config

        prepare = python_model("prepare", raw["inputs"], tensors(inner.input), options.prepare)
        interpret = python_model("interpret", tensors(inner.output), raw["outputs"], options.interpret)
        repositories.add_model(temporary, modelconfig.ensemble(name, prepare, inner, interpret), {})
    log.info("repository of %s: %s, %s, %s", name, prepare.name, inner.name, interpret.name)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"name": …, "model": inputs and outputs, "min": profile.min, "serving": serving}')
    result.add_argument("--inner", type=Path, required=True, help="repository of the model in the middle")
    result.add_argument("--model-py", type=Path, required=True, help="the served Python model")
    result.add_argument("--prepare", type=Path, required=True, help="runtime of the first step")
    result.add_argument("--interpret", type=Path, required=True, help="runtime of the last step")
    result.add_argument("--model-file", type=Path, required=True, help="Python file of the model")
    result.add_argument("--repository", type=Path, required=True, help="output: directory")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
