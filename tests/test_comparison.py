"""The comparison of answers: one wrong element is found in every data type and place."""

import math

import numpy as np
import pytest

from model.comparison import Bounds, compare, differences, faults, record
from model.signature import Tensor

STRICT = Bounds(max_abs_error=1e-3, max_rel_error=1e-2, min_agreement=1.0)
ARRAYS = {
    **{name: np.arange(1, 25).reshape(4, 3, 2).astype(name) for name in ("float16", "float32", "float64")},
    **{name: np.arange(1, 25).reshape(4, 3, 2).astype(name) for name in ("uint8", "int8", "int16", "int32", "int64")},
    "bool": np.tile([True, False], 12).reshape(4, 3, 2),
    "text": np.array([f"label {index}" for index in range(24)], dtype=object).reshape(4, 3, 2),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("place", [(0, 0, 0), (1, 2, 1), (3, 2, 1)])
def test_one_wrong_element_is_found(name: str, place: tuple[int, ...]) -> None:
    expected, wrong = ARRAYS[name], ARRAYS[name].copy()
    wrong[place] = {"bool": lambda: not wrong[place], "text": lambda: "another"}.get(name, lambda: wrong[place] + 1)()
    assert faults({"boxes": compare(expected, expected), "labels": compare(expected.copy(), expected)}, STRICT) == []
    (fault, *_) = faults({"boxes": compare(expected, expected), "labels": compare(wrong, expected)}, STRICT)
    assert fault.startswith("output labels: ")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinities_are_compared_by_place(value: float) -> None:
    expected = np.array([[1.0, value, 3.0]], np.float32)
    assert faults({"a": compare(expected.copy(), expected)}, STRICT) == []
    moved = np.array([[value, 2.0, 3.0]], np.float32)
    assert faults({"a": compare(moved, expected)}, STRICT)[0] == "output a: 2 elements differ in NaN or infinity"
    assert record({"a": compare(moved, expected)})["max_abs_error"] is None
    assert compare(-expected, expected).misplaced == (0 if math.isnan(value) else 1)


def test_bytes_of_triton_are_the_strings_of_the_reference() -> None:
    assert compare(np.array([b"cat"], object), np.array(["cat"])).equal == 1.0


def test_empty_outputs_are_equal_and_other_shapes_are_not() -> None:
    boxes, labels = np.zeros((1, 0, 4), np.float32), np.zeros((1, 0), np.int64)
    found = {"boxes": compare(boxes, boxes), "labels": compare(labels, labels)}
    assert faults(found, STRICT) == [] and record(found)["max_abs_error"] == 0.0
    assert faults({"boxes": compare(np.zeros((1, 2, 4), np.float32), boxes)}, Bounds()) == [
        "output boxes: shape [1, 2, 4], not [1, 0, 4]"
    ]
    assert compare(np.zeros(2, np.int64), np.zeros(2, np.float32)).fault == "data type int64, not float32"


def test_agreement_is_that_of_declared_scores() -> None:
    expected = np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)
    other = np.array([[0.1, 0.9], [0.45, 0.55]], np.float32)
    assert compare(other, expected).agreement is None
    assert compare(other, expected, scores=True).agreement == 0.5


def test_the_record_has_every_output_and_the_worst_of_them():
    tensors = [Tensor("scores", "FP32", [2], scores=True), Tensor("boxes", "FP32", [1]), Tensor("labels", "INT64", [4])]
    expected = {"a": np.array([[0.0, 1.0]]), "b": np.array([[2.0]]), "c": np.array([[1, 2, 3, 4]])}
    outputs = [np.array([[0.1, 1.0]]), np.array([[2.5]]), np.array([[1, 2, 3, 5]])]
    found = record(differences(outputs, expected, tensors))
    assert (found["max_abs_error"], found["max_rel_error"], found["agreement"]) == (0.5, 0.25, 0.75)
    assert {name: (one["equal"], one["agreement"]) for name, one in found["outputs"].items()} == {
        "scores": (None, 1.0), "boxes": (None, None), "labels": (0.75, None),
    }  # fmt: skip
    assert record({"labels": compare(expected["c"], expected["c"])})["max_abs_error"] is None


@pytest.mark.parametrize(("dtype", "allowed"), [("FP32", 1e-3), ("FP16", 1e-2), ("BF16", 5e-2)])
def test_rounding_of_a_data_type_is_allowed_where_the_bounds_are_tighter(dtype: str, allowed: float) -> None:
    tight, expected = Bounds(max_abs_error=1e-3, max_rel_error=1e-3), np.array([[1.0, 0.5]])
    for factor, right in ((0.9, True), (1.1, False)):
        found = compare(expected + np.array([0, factor * allowed]), expected, dtype)
        assert (faults({"a": found}, tight) == []) == right


def test_a_share_below_one_never_reads_as_one() -> None:
    expected = np.zeros(10**6, np.int64)
    wrong = expected.copy()
    wrong[-1] = 1
    assert faults({"a": compare(wrong, expected)}, STRICT) == ["output a: share of equal elements 0.9999 < 1"]
