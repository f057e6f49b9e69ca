"""Sequences of a model with state: what the reference has of them, and what the health check tells apart."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from conftest import DEFAULT, ROOT, merged
from healthcheck import in_sequences
from model.reference import STEPS, Reference
from model.references import answered
from model.signature import Signature, Tensor
from plan.config import checked
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan
from program.cli import UserError
from record.inputs import as_json
from serve.endpoint import Place
from zoo_runs import COMMON
from zoo_table import kinds

SUMS = Signature(
    [Tensor("sum", "FP32", [2]), Tensor("x", "FP32", ["n"])],
    [Tensor("y", "FP32", ["n"]), Tensor("sum_out", "FP32", [2])],
    state={"sum": "sum_out"},
)
SHAPES = {"sum": [3 * STEPS, 2], "x": [3 * STEPS, 2]}


def add(inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    return [inputs["sum"] + inputs["x"]] * 2


def sequences() -> Reference:
    (found,) = answered(add, None, None, SUMS, [SHAPES])
    return found


def test_reference_hands_the_state_on():
    found = sequences()
    expected = found.inputs["x"].reshape(3, STEPS, 2).cumsum(1, dtype=np.float32).reshape(-1, 2)
    assert np.allclose(found.outputs["y"], expected, atol=1e-6)
    assert not found.inputs["sum"][::STEPS].any()
    assert np.array_equal(found.inputs["sum"][1:STEPS], found.outputs["sum_out"][: STEPS - 1])


def test_clients_see_no_state():
    seen = sequences().renamed(SUMS)
    assert ([*seen.inputs], [*seen.outputs]) == (["x"], ["y"])
    assert "sum" not in as_json(seen)


@pytest.mark.parametrize("fewer", [lambda array, _: array[:1], lambda array, call: array[:, : 2 - call]])
def test_outputs_whose_size_varies_are_refused(fewer):
    calls = iter(range(STEPS))

    def answer(inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        call = next(calls)
        return [fewer(output, call > 0) if place == 0 else output for place, output in enumerate(add(inputs))]

    with pytest.raises(UserError, match="y varies in size within a sequence"):
        answered(answer, None, None, SUMS, [SHAPES])


class Kept:
    """Stands in for the endpoint of a model with state. `key`: whose state a request finds; `anew`: whether none."""

    def __init__(self, key: Callable[[Place], int], anew: Callable[[Place], bool]) -> None:
        self.sums: dict[int, Any] = {}
        self.key, self.anew = key, anew

    def send(self, inputs: Mapping[str, np.ndarray], outputs: list[str], place: Place) -> Callable[[], list[Any]]:
        assert outputs == ["y"]
        before = 0 if self.anew(place) else self.sums.get(self.key(place), 0)
        found = self.sums[self.key(place)] = before + inputs["x"]
        return lambda: [found]


@pytest.mark.parametrize(
    ("key", "anew", "right"),
    [
        (lambda place: place.sequence_id, lambda place: place.sequence_start, True),
        (lambda place: 0, lambda place: place.sequence_start, False),
        (lambda place: place.sequence_id, lambda place: True, False),
        (lambda place: place.sequence_id, lambda place: False, False),
    ],
    ids=["right", "of another sequence", "not kept", "not begun anew"],
)
def test_answers_of_sequences_side_by_side(key, anew, right):
    seen, one = sequences().renamed(SUMS), Kept(key, anew)
    # As over two protocols, or at two bounds of the profile.
    found = [in_sequences(one, seen.inputs, ["y"], batching=True)[0] for _ in range(2)]
    assert all(np.allclose(answer, seen.outputs["y"], atol=1e-6) for answer in found) == right


def test_each_sequence_starts_and_ends_once_and_the_last_may_be_short():
    places: list[Place] = []
    one = Kept(lambda place: place.sequence_id, lambda place: places.append(place) or place.sequence_start)
    seen = sequences().first(STEPS + 2).renamed(SUMS)
    in_sequences(one, seen.inputs, ["y"], batching=True)
    of = {number: [place for place in places if place.sequence_id == number] for number in (1, 2)}
    assert [len(found) for found in of.values()] == [STEPS, 2]
    for found in of.values():
        assert [place.sequence_start for place in found] == [True] + [False] * (len(found) - 1)
        assert [place.sequence_end for place in found] == [False] * (len(found) - 1) + [True]
    assert [place.sequence_id for place in places[:4]] == [1, 2, 1, 2]


@pytest.mark.parametrize(("kept", "length"), [(True, 9), (False, None)])
def test_length_of_sequences_is_of_a_load_where_there_is_a_state_alone(kept, length):
    own = merged(
        kinds()["sequence"].CONFIG, {"model": {"file": "tests/zoo/sequence.py"}, "sweep": {"sequence_length": 9}}
    )
    config = merged(merged(DEFAULT, COMMON), own)
    if not kept:
        config["model"]["state"] = {}
    settings = RuleSettings(Plan(checked(config, ROOT), ROOT))
    assert settings.sweep("openvino", "1").windows.sequence_length == length
    assert settings.head_to_head().windows.sequence_length == length
    assert settings.healthcheck("openvino").largest == {"batch": 1 if kept else 8, "samples": 32}
