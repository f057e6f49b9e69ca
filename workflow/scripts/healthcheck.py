"""Rule healthcheck: what a variant serves, through the server, over gRPC and HTTP.

health/<variant>.checks.json holds, per protocol: live, ready, model ready, metadata as configured, a request beyond the
profile on any axis refused, the difference of every output from PyTorch at each bound of the profile, and on the test
set the accuracy and how often variant and PyTorch are right, pair by pair, null where that is not defined. How far
answers may be off is judged later (rule judgement). What does not serve as it promises, whatever its answers are, has
`faults` and is not measured. A server that does not start fails the rule.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tritonclient.utils import InferenceServerException

from model import shapes
from model.comparison import Differences, Paired, differences, paired, record
from model.interface import in_batches, one_by_one
from model.reference import STEPS, Reference, cases, load
from model.signature import Signature, Tensor
from model.tensors import Arrays
from plan.settings.health import HealthCheck
from program.cli import log
from program.files import write_json
from program.job import run
from serve import endpoint, server

# Enough to find a fault of one batch size; accuracy is taken of all samples.
MAX_REQUESTS = 100
Infer = Callable[[Arrays], list[np.ndarray]]
FLAGS = ("live", "ready", "model_ready", "metadata_as_promised", "refuses_beyond_profile")


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: HealthCheck
    repository: Annotated[Path, "model repository"]
    reference: Annotated[Path, "reference.npz"]
    server_log: Annotated[Path, "output: Triton's log"]
    checks: Annotated[Path, "output: checks.json"]


@dataclass(frozen=True)
class Checks:
    """What was found over one protocol.

    accepted_beyond_profile: axes. parity: by case. samples, paired: on the test set; None where it is not defined.
    """

    live: bool
    ready: bool
    model_ready: bool
    metadata_as_promised: bool
    refuses_beyond_profile: bool
    accepted_beyond_profile: list[str]
    parity: dict[str, Differences]
    samples: int
    paired: Paired | None

    @property
    def accuracy(self) -> float | None:
        """The share of samples whose answer is their label."""
        return self.paired.accuracy if self.paired else None

    def recorded(self) -> dict[str, Any]:
        """As checks.json holds it."""
        return vars(self) | {
            "parity": {label: record(found) for label, found in self.parity.items()},
            "paired": self.paired and asdict(self.paired),
            "accuracy": self.accuracy,
        }


def promised_metadata(model: Signature) -> dict[str, Any]:
    """The metadata that a server must report for these inputs and outputs."""
    batch = [-1] if model.batching else []
    return {
        side: {
            tensor.name: {"datatype": tensor.dtype, "shape": [*batch, *shapes.sizes(tensor.served)]}
            for tensor in tensors
        }
        for side, tensors in (("inputs", model.sent), ("outputs", model.answered))
    }


def larger(reference: Reference, tensors: Sequence[Tensor], axis: str, size: int) -> Arrays:
    """A request with one sample whose `axis`, a name or `batch`, has another, larger size."""

    def grown(array: np.ndarray, dims: Sequence[int | str | None]) -> np.ndarray:
        missing = [(0, size - found if one == axis else 0) for one, found in zip(["batch", *dims], array.shape)]
        return np.pad(array, missing, mode="wrap")

    return {tensor.name: grown(reference.inputs[tensor.name][:1], tensor.dims) for tensor in tensors}


def refuses(infer: Infer, inputs: Arrays) -> bool:
    """Whether a request is answered with an error that names the batch size or the profile."""
    try:
        infer(inputs)
    except InferenceServerException as error:
        return "batch" in error.message() or "profile" in error.message()
    return False


def in_sequences(one: endpoint.Endpoint, inputs: Arrays, outputs: list[str], batching: bool) -> list[np.ndarray]:
    """The outputs for samples of which STEPS in order are a sequence, batch first; all sequences go on side by side."""
    count = len(next(iter(inputs.values())))
    found: dict[int, list[np.ndarray]] = {}
    for step in range(STEPS):
        sent = {}
        for first in range(step, count, STEPS):
            sample = {name: array[first : first + 1] if batching else array[first] for name, array in inputs.items()}
            end = step == STEPS - 1 or first == count - 1
            sent[first] = one.send(sample, outputs, endpoint.Place(first // STEPS + 1, step == 0, end))
        found |= {first: answer() for first, answer in sent.items()}
    join = np.concatenate if batching else np.stack
    return [join(parts) for parts in zip(*(found[place] for place in range(count)))]


def check(
    one: endpoint.Endpoint,
    settings: HealthCheck,
    groups: Sequence[Reference],
    bounds: Mapping[str, shapes.Shapes],
) -> Checks:
    """All checks over one protocol, at each of the profile's `bounds`; `groups` have the model's own names."""
    model = settings.model
    served = [group.renamed(model) for group in groups]
    outputs = list(served[0].outputs)
    whole = endpoint.Place(1, True, True) if model.state else None

    def request(inputs: Arrays) -> list[np.ndarray]:
        return one.infer(inputs, outputs, whole)

    def infer(inputs: Arrays) -> list[np.ndarray]:
        return request(inputs) if model.batching else one_by_one(request, inputs)

    def answers(inputs: Arrays, size: int) -> list[np.ndarray]:
        if model.state:
            return in_sequences(one, inputs, outputs, model.batching)
        return in_batches(infer, inputs, size)

    # Without what is optional.
    taken = [tensor for tensor in model.sent if tensor.name in served[0].inputs]
    accepted = [
        axis for axis, most in settings.largest.items() if not refuses(infer, larger(served[0], taken, axis, most + 1))
    ]
    parity = {}
    for label, (group, size) in cases(groups, bounds).items():
        # Whole batches only: the last, smaller one may lie outside the profile.
        part = group.renamed(model).first(min(group.samples // size, MAX_REQUESTS) * size)
        parity[label] = differences(answers(part.inputs, size), part.outputs, model.answered)
    known = whole_batches(served[0], shapes.batch(bounds["min"]), shapes.batch(bounds["max"]))
    return Checks(
        live=one.live(),
        ready=one.ready(),
        model_ready=one.model_ready(),
        metadata_as_promised=one.metadata() == promised_metadata(model),
        refuses_beyond_profile=not accepted,
        accepted_beyond_profile=accepted,
        parity=parity,
        samples=known.samples,
        paired=right_answers(infer, known, model.outputs, shapes.batch(bounds["max"])),
    )


def whole_batches(reference: Reference, smallest: int, largest: int) -> Reference:
    """The labelled samples without the last ones, where those are fewer than the smallest batch; else all samples."""
    left_over = reference.samples % largest
    dropped = left_over if reference.labels is not None and left_over < smallest else 0
    return reference.first(reference.samples - dropped)


def answering(outputs: Sequence[Tensor]) -> int | None:
    """The place of the output that labels are compared with: class scores, or one integer per sample; else None."""
    scores = [place for place, tensor in enumerate(outputs) if tensor.scores]
    single = [place for place, tensor in enumerate(outputs) if "INT" in tensor.dtype and tensor.dims in ([], [1])]
    return next(iter([*scores, *single]), None)


def right_answers(infer: Infer, reference: Reference, outputs: Sequence[Tensor], batch: int) -> Paired | None:
    """How often the answers are the labels, in batches; None without labels, or an output of answers."""
    chosen = answering(outputs)
    if reference.labels is None or chosen is None:
        return None
    found = in_batches(infer, reference.inputs, batch)[chosen]
    return paired(found, list(reference.outputs.values())[chosen], reference.labels)


def faults(found: Checks) -> list[str]:
    """What one protocol does not serve as promised, in words, whatever the answers are."""
    result = [f"not {name.replace('_', ' ')}" for name in FLAGS if not getattr(found, name)]
    return result + [f"accepts more than the profile on the axis {axis}" for axis in found.accepted_beyond_profile]


def main(job: Job) -> None:
    settings = job.settings
    # From the smallest: canonical JSON has them by name.
    known: list[str] = [bound for bound in ("min", "opt", "max") if bound in settings.profile]
    bounds = {bound: shapes.stacked(shapes.parse(settings.profile[bound]), settings.model.batching) for bound in known}
    if settings.model.state:
        # A request of a sequence has one sample.
        bounds = {bound: {name: [1, *dims[1:]] for name, dims in given.items()} for bound, given in bounds.items()}
    groups = load(job.reference)
    if isinstance(settings.samples, int):
        groups = [group.first(settings.samples) for group in groups]
    names = server.models(job.repository)
    with server.running(job.repository, names, job.server_log, kind=settings.server) as running:
        protocols = {}
        for protocol in endpoint.PROTOCOLS:
            with endpoint.connected(running, protocol, settings.name) as one:
                protocols[protocol] = check(one, settings, groups, bounds)
                version = one.server_version()
    if groups[0].labels is not None and answering(settings.model.outputs) is None:
        log.warning("Accuracy is not defined: no output has class scores. Hint: declare one with scores: true")
    accuracies = [found.accuracy for found in protocols.values() if found.accuracy is not None]
    found_faults = [f"{name}: {fault}" for name, found in protocols.items() for fault in faults(found)]
    result = {
        "variant": settings.variant,
        "model": settings.name,
        "server": {"kind": settings.server, "version": version},
        "computes": settings.computes,
        "faults": found_faults,
        "remarks": server.remarks(job.server_log),
        "accuracy": min(accuracies, default=None),
        "samples": min(found.samples for found in protocols.values()),
        "protocols": {name: found.recorded() for name, found in protocols.items()},
    }
    write_json(job.checks, result)
    if found_faults:
        log.warning("%s is unhealthy and will not be measured: %s", settings.variant, "; ".join(found_faults))
    log.info("%s: accuracy %s", settings.variant, "not defined" if result["accuracy"] is None else result["accuracy"])


if __name__ == "__main__":
    run(main, Job, __doc__)
