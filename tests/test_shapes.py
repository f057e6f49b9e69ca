"""Shapes as trtexec writes them."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from model import shapes

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,12}", fullmatch=True)
SHAPES = st.dictionaries(NAMES, st.lists(st.integers(0, 10_000), min_size=1, max_size=6), min_size=1, max_size=4)


@given(SHAPES)
def test_parse_inverts_format(given_shapes):
    assert shapes.parse(shapes.format(given_shapes)) == given_shapes


@given(st.text(alphabet="input:x0123456789, ", max_size=20))
def test_text_is_refused_or_comes_back(text):
    try:
        parsed = shapes.parse(text)
    except ValueError:
        return
    assert shapes.parse(shapes.format(parsed)) == parsed
    assert all(size >= 0 for dims in parsed.values() for size in dims)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not of the form name:1x2x3"),
        ("input", "'input' is not of the form"),
        ("input:-1x28", "'input:-1x28' is not of the form"),
        ("input:1X28", "'input:1X28' is not of the form"),
        ("input:1x28, mask:1x28", "' mask:1x28' is not of the form"),
        ("input:1x28\n", "is not of the form"),
        ("input:1x28,input:2x28", "input input is given twice"),
    ],
)
def test_malformed_text_is_refused_by_its_part(text, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        shapes.parse(text)


def test_several_inputs_and_their_common_batch():
    parsed = shapes.parse("ids:8x128,mask:8x128")
    assert parsed == {"ids": [8, 128], "mask": [8, 128]}
    assert shapes.batch(parsed) == 8


def test_profile_has_its_three_bounds():
    profile = shapes.parse_profile({"min": "x:1x3", "opt": "x:2x3", "max": "x:4x3"})
    assert profile == {"min": {"x": [1, 3]}, "opt": {"x": [2, 3]}, "max": {"x": [4, 3]}}


@pytest.mark.parametrize("given", [{}, {"spec": [80, 40]}, {"x:0": [8], "gpu_0/data": [1, 2], "rate": []}])
def test_schema_of_the_report_takes_every_shape(given):
    schema = json.loads((ROOT / "workflow" / "schemas" / "perf_summary.schema.json").read_text())
    assert re.search(schema["$defs"]["shape"]["pattern"], shapes.format(given))
