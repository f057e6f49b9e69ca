"""Rule repository_ensemble: the function of `bls` as three models that Triton's ensemble scheduler connects.

Two Python models hold what the model file does before and after; between them stands the inner model. It takes raw
samples alone: an ensemble cannot choose between two forms of input.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from model import shapes
from model.signature import Signature, Tensor
from plan.settings.repository import EnsembleRepository
from program.cli import log
from program.job import run
from serve import modelconfig
from serve import repository as repositories
from serve.modelconfig import Tensors


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: EnsembleRepository
    inner: Annotated[Path, "repository of the model in the middle"]
    model_py: Annotated[Path, "the served Python model"]
    prepare: Annotated[Path, "runtime of the first step"]
    interpret: Annotated[Path, "runtime of the last step"]
    model_file: Annotated[Path, "Python file of the model"]
    beside: Annotated[list[Path], "files beside the model file that it needs"]
    repository: Annotated[Path, "output: directory"]
    listing: Annotated[Path, "output: the names and hashes of its files"]


def tensors(described: Any) -> Tensors:
    """Inputs or outputs of a ModelConfig in the form of the config."""
    return [Tensor(one.name, modelconfig.type_name(one.data_type), list(one.dims)) for one in described]


def main(job: Job) -> None:
    settings = job.settings
    raw, name = settings.model, settings.name
    with repositories.written(job.repository, job.listing) as temporary:
        (inner,) = repositories.add_models_of(temporary, job.inner)
        batches = (shapes.batch(shapes.parse(settings.min)), inner.max_batch_size)

        def python_model(step: str, inputs: Tensors, outputs: Tensors, runtime: Path) -> Any:
            profile = modelconfig.fixed_profile(inputs, *batches)
            config = modelconfig.engine_model(
                f"{name}_{step}", Signature([*inputs], [*outputs]), profile, settings.serving
            )
            files = {"model.py": job.model_py, "runtime.py": runtime}
            repositories.add_model(temporary, config, files | repositories.processing(job.model_file, job.beside))
            return config

        prepare = python_model("prepare", raw.inputs, tensors(inner.input), job.prepare)
        interpret = python_model("interpret", tensors(inner.output), raw.outputs, job.interpret)
        repositories.add_model(temporary, modelconfig.ensemble(name, prepare, inner, interpret), {})
    log.info("repository of %s: %s, %s, %s", name, prepare.name, inner.name, interpret.name)


if __name__ == "__main__":
    run(main, Job, __doc__)
