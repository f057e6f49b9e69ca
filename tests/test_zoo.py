"""Every kind of model of tests/zoo: it is served as the model answers, or refused in the sentence that it says."""

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from model import graph
from model.reference import load
from program.cli import UserError
from program.temporary import scratch
from record import inputs, perf_analyzer
from serve import server
from zoo_runs import planned
from zoo_table import PAGE, kinds, with_table

KINDS = kinds()
OTHER = {"first": "second", "second": "first"}
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
def test_a_state_that_does_not_begin_with_zeros_is_found(directory, backends):
    carried = planned("sequence", KINDS["sequence"], directory, backends)
    carried.export()
    carried.build("openvino")
    (config,) = carried.at("repository/openvino").glob("*/config.pbtxt")
    written = config.read_text()
    (config.parent / "initial_state").mkdir()
    (config.parent / "initial_state" / "ones").write_bytes(np.ones(6, np.float32).tobytes())
    config.write_text(written.replace("zero_data: true", 'data_file: "ones"'))
    reasons = carried.check("openvino")["reasons"]
    assert {reason.split(": max abs error")[0] for reason in reasons} == {"grpc: output speech", "http: output speech"}
    # What plan/config/check_model.py refuses other orders for: Triton pairs states by the order of their names.
    swapped = re.sub(r'output_name: "(\w+)_out"', lambda found: f'output_name: "{OTHER[found[1]]}_out"', written)
    assert swapped != written
    config.write_text(swapped)
    assert carried.check("openvino")["reasons"] == []


@pytest.mark.slow
def test_load_of_sequences(directory, backends):
    """perf_analyzer's sequences have the length that is asked for, also where that is more than the samples."""
    carried = planned("sequence", KINDS["sequence"], directory, backends)
    carried.export()
    carried.build("openvino")
    settings = carried.settings.head_to_head()
    windows = replace(settings.windows, window_ms=300, max_windows=3, stability_percent=1e9, sequence_length=7)
    target, reference = settings.contestants[0].target, load(Path(carried.plan.reference("openvino")))
    inputs.write(directory / "samples.json", reference[0].first(5), target.model)
    repository = carried.at("repository/openvino")
    asked = partial(perf_analyzer.command, target.name, load=settings.load, windows=windows)
    with server.running(repository, server.models(repository), directory / "log") as running, scratch() as libraries:
        command = [*asked(url=running.grpc, data=directory / "samples.json"), "--profile-export-file", "sent.json"]
        point = perf_analyzer.measure(command, settings.load, directory, libraries, 60)
    assert point["status"] != "failed" and point["throughput"] > 0, point
    (experiment,) = json.loads((directory / "sent.json").read_text())["experiments"]
    lengths = Counter(Counter(one["sequence_id"] for one in experiment["requests"]).values())
    # Those at the beginning and the end are cut.
    assert max(lengths) == lengths.most_common(1)[0][0] == 7


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
