"""States that Triton keeps for sequences, in the native backends."""

import re
from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest
import torch
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

import native_backends as native
from conftest import ROOT
from native_backends import WIDTH
from serve import modelconfig
from serve.endpoint import Place

ROW = np.ones((1, WIDTH), np.float32)
START, AFTER, END = Place(5, True, False), Place(5, False, False), Place(5, False, True)


@pytest.fixture(scope="module")
def client(backends: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.InferenceServerClient]:
    """Of a server with the model of the documentation, and one whose engine takes the state first."""
    directory = tmp_path_factory.mktemp("state")
    repository = directory / "repository"
    page = (ROOT / "docs" / "native-backend.md").read_text()
    (text,) = re.findall(r"```\n(name: \"running_sum\".+?)```", page, re.DOTALL)
    native.write_summing(native.add_model(repository, modelconfig.parse(text)) / "model.blob")
    config = native.summing("torchscript", "torchscript", max_queue_delay_us=100_000)
    native.write_torch(native.add_model(repository, config) / "model.ts", native.Summing(), [torch.zeros(4, WIDTH)] * 2)
    with native.running(repository, ["running_sum", "torchscript"], backends, directory) as server:
        yield grpc.InferenceServerClient(server.grpc)


def sent(client: grpc.InferenceServerClient, place: Place, rows: np.ndarray = ROW) -> float:
    """The first value of the answer of the model of the documentation."""
    return float(native.infer(client, "running_sum", place=place, input=rows).as_numpy("output")[0, 0])


@pytest.mark.parametrize("model", ["running_sum", "torchscript"])
def test_sequences_side_by_side_share_batches_and_no_state(client, model):
    native.sum_up(client, model, sequences=12, steps=6)
    (found,) = client.get_inference_statistics(model).model_stats
    assert found.inference_count == 12 * 6 > found.execution_count


def test_a_sequence_begins_with_zeros_wherever_the_one_before_ended(client):
    assert [sent(client, place) for place in (START, AFTER, END, START, AFTER, START, END)] == [1, 2, 3, 1, 2, 1, 2]


def test_a_request_that_fails_leaves_its_sequence_where_it_was(client):
    assert [sent(client, START), sent(client, AFTER)] == [1, 2]
    wanted = grpc.InferRequestedOutput("output")
    memory = SharedMemory(create=True, size=ROW.nbytes)
    try:
        client.register_system_shared_memory("short", f"/{memory.name}", memory.size)
        wanted.set_shared_memory("short", ROW.nbytes - 4)
        with pytest.raises(InferenceServerException, match="shared memory size"):
            native.infer(client, "running_sum", place=AFTER, outputs=[wanted], input=ROW)
    finally:
        client.unregister_system_shared_memory("short")
        memory.close()
        memory.unlink()
    assert sent(client, END) == 3


def test_clients_do_not_see_the_state(client):
    found = client.get_model_metadata("running_sum")
    assert [[one.name for one in side] for side in (found.inputs, found.outputs)] == [["input"], ["output"]]
    with pytest.raises(InferenceServerException, match="expected 1 inputs but got 2"):
        native.infer(client, "running_sum", place=START, input=ROW, sum=ROW)
