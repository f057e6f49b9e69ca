"""Every kind of model of tests/zoo: it is served as the model answers, or refused in the sentence that it says."""

import sys
from pathlib import Path

import pytest

from model import graph
from program.cli import UserError
from zoo_runs import planned
from zoo_table import PAGE, kinds, with_table

KINDS = kinds()
SERVED = {name: kind for name, kind in KINDS.items() if not hasattr(kind, "REFUSED")}
REFUSED = {name: kind for name, kind in KINDS.items() if hasattr(kind, "REFUSED")}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a run, which becomes the working directory; what the run changes is set back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVED)
def test_kind_is_served_as_it_answers(name, directory, backends):
    carried = planned(name, SERVED[name], directory, backends)
    carried.export()
    found = {variant: carried.serve(variant) for variant in carried.plan.variants}
    assert {variant: health["reasons"] for variant, health in found.items()} == {one: [] for one in found}
    for variant, health in found.items():
        for protocol in health["protocols"].values():
            assert protocol["parity"], variant


@pytest.mark.slow
def test_weights_that_a_graph_cannot_hold_go_with_it(directory, backends, monkeypatch):
    """As those of more than 2 GB, of which there are fewer here: tests/test_new_graph.py has that many."""
    monkeypatch.setattr(graph, "LARGEST", 1000)
    carried = planned("external_data", KINDS["external_data"], directory, backends)
    carried.export()
    assert {variant: carried.serve(variant)["reasons"] for variant in carried.plan.variants} == {
        "onnx": [],
        "openvino": [],
    }
    served = carried.at("repository/onnx/external_data_onnx/1")
    assert sorted(path.name for path in served.iterdir()) == [
        *("model.onnx", "model.onnx.data", "model.py", "runtime.py")
    ]
    assert (served / "model.onnx").stat().st_size < (served / "model.onnx.data").stat().st_size


@pytest.mark.parametrize("name", REFUSED)
def test_kind_is_refused_in_its_sentence(name, directory, backends):
    with pytest.raises(UserError) as caught:
        carried = planned(name, REFUSED[name], directory, backends)
        carried.export()
        for variant in carried.plan.variants:
            carried.serve(variant)
    assert REFUSED[name].REFUSED in str(caught.value)
    assert "\n" not in str(caught.value)


def test_page_has_the_table_of_the_kinds():
    assert PAGE.read_text() == with_table(PAGE.read_text()), "run tools/zoo_table.py"
