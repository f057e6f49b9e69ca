"""The model bls under concurrent requests: what cannot be read fails alone, all others get their own answers."""

import io
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tritonclient.utils import InferenceServerException

from conftest import Project
from model.reference import Reference, load
from serve import endpoint, modelconfig, server

REQUESTS = 64
BROKEN = 17
LABEL = ["label", "probability"]


@pytest.fixture(scope="module")
def repository(served_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of bls, changed so that 64 requests become one batch, however long they take to arrive."""
    target = tmp_path_factory.mktemp("bls") / "repository"
    shutil.copytree(served_run.root / "artifacts" / "test" / "repository" / "bls", target)
    file = target / "mnist_bls" / "config.pbtxt"
    config = modelconfig.parse(file.read_text())
    config.dynamic_batching.preferred_batch_size.append(REQUESTS)
    config.dynamic_batching.max_queue_delay_microseconds = 60_000_000
    file.write_text(modelconfig.text(config))
    return target


@pytest.fixture(scope="module")
def patient(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[endpoint.Endpoint]:
    """The model that waits for 64 requests."""
    log_file = tmp_path_factory.mktemp("patient") / "triton.log"
    with (
        server.running(repository, server.models(repository), log_file) as running,
        endpoint.connected(running, "grpc", "mnist_bls") as one,
    ):
        yield one


@pytest.fixture(scope="module")
def running(served_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    """The server of bls as the run made it."""
    repository = served_run.root / "artifacts" / "test" / "repository" / "bls"
    with server.running(repository, server.models(repository), tmp_path_factory.mktemp("bls") / "triton.log") as one:
        yield one


@pytest.fixture(scope="module")
def reference(served_run: Project) -> Reference:
    """64 samples as they are, and PyTorch's answers."""
    return load(served_run.root / "artifacts" / "test" / "export" / "reference_raw.npz")[0].first(REQUESTS)


def png(sample: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(sample).save(buffer, "PNG")
    return buffer.getvalue()


def encoded(data: bytes) -> dict[str, np.ndarray]:
    return {"encoded": np.array([[data]], dtype=object)}


def all_at_once(one: endpoint.Endpoint, requests: list[dict[str, np.ndarray]]) -> list[list[np.ndarray] | str]:
    """The answer to each request, or its error; all are in flight together."""

    def ask(inputs: dict[str, np.ndarray]) -> list[np.ndarray] | str:
        try:
            return one.infer(inputs, LABEL)
        except InferenceServerException as error:
            return error.message()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(ask, requests))


def right(answer: list[np.ndarray] | str, reference: Reference, index: int) -> bool:
    """Whether an answer is PyTorch's to this sample."""
    if isinstance(answer, str):
        return False
    label, probability = (output[index].item() for output in reference.outputs.values())
    return answer[0].item() == label and abs(answer[1].item() - probability) < 1e-3


def test_broken_image_fails_alone_in_its_batch(patient, reference):
    (samples,) = reference.inputs.values()
    requests = [encoded(png(sample)) for sample in samples]
    requests[BROKEN] = encoded(png(samples[BROKEN])[:60])
    before = patient.statistics()["executions"]
    answers = all_at_once(patient, requests)
    # It really was among the others.
    assert patient.statistics()["executions"] == before + 1
    assert answers[BROKEN] == "encoded: not an image that can be read"
    good = [index for index in range(REQUESTS) if index != BROKEN]
    assert [index for index in good if not right(answers[index], reference, index)] == []


def test_batch_of_broken_images_alone(patient):
    answers = all_at_once(patient, [encoded(b"no image")] * REQUESTS)
    assert answers == ["encoded: not an image that can be read"] * REQUESTS


@pytest.mark.parametrize("protocol", endpoint.PROTOCOLS)
def test_both_forms_of_a_sample_have_one_answer(running, reference, protocol):
    (samples,) = reference.inputs.values()
    with endpoint.connected(running, protocol, "mnist_bls") as one:
        for index, sample in enumerate(samples[:8]):
            raw, file = one.infer({"image": sample[None]}, LABEL), one.infer(encoded(png(sample)), LABEL)
            np.testing.assert_array_equal(raw[0], file[0])
            np.testing.assert_array_equal(raw[1], file[1])
            assert right(raw, reference, index)


def test_both_forms_in_one_moment(running, reference):
    (samples,) = reference.inputs.values()
    requests = [encoded(png(sample)) if index % 2 else {"image": sample[None]} for index, sample in enumerate(samples)]
    requests[BROKEN] = encoded(b"no image")
    with endpoint.connected(running, "grpc", "mnist_bls") as one:
        answers = all_at_once(one, requests)
    assert [index for index in range(REQUESTS) if not right(answers[index], reference, index)] == [BROKEN]


def test_request_with_several_samples_fails_whole(running, reference):
    (samples,) = reference.inputs.values()
    files = np.array([[png(sample)] for sample in samples[:3]], dtype=object)
    with endpoint.connected(running, "grpc", "mnist_bls") as one:
        label, _ = one.infer({"encoded": files}, LABEL)
        np.testing.assert_array_equal(label, reference.outputs["label"][:3])
        files[1, 0] = b"no image"
        assert all_at_once(one, [{"encoded": files}]) == ["encoded: not an image that can be read"]


def test_both_inputs_or_none_are_refused(running, reference):
    (samples,) = reference.inputs.values()
    both = {"image": samples[:1], **encoded(png(samples[0]))}
    with endpoint.connected(running, "grpc", "mnist_bls") as one:
        assert all_at_once(one, [both]) == ["give one of the inputs image and encoded"]
        # Triton itself refuses this one.
        assert "request has 0 inputs" in all_at_once(one, [{}])[0]
