"""Every mistake in a configuration is a line that names the key and says what to do; all of them come at once."""

import copy
import re
from collections.abc import Iterator

import pytest
import yaml
from pydantic import ValidationError

from conftest import CONFIGS, DEFAULT, OVERLAYS, ROOT, merged
from plan.config import Config, checked
from plan.config.renamed import current
from program.cli import UserError

GRAPH = {"model": {"file": "", "onnx": "CITATION.cff", "arguments": {}}}  # any file that is there
BASES = {name: merged(DEFAULT, yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())) for name in ("text", "wave")}
BASES |= {"default": DEFAULT, "graph": merged(BASES["wave"], GRAPH)}


def errors_of(config: dict) -> list[str]:
    with pytest.raises(UserError) as caught:
        checked(config, ROOT)
    return str(caught.value).splitlines()


def mistakes() -> Iterator[tuple[str, str, str]]:
    """The lines of tests/data/mistakes.txt: name of the base, overlay, message."""
    base = ""
    for line in (ROOT / "tests" / "data" / "mistakes.txt").read_text().splitlines():
        if line.startswith("["):
            base = line.strip("[]")
        elif line and not line.startswith("#"):
            overlay, message = line.split(" => ")
            yield base, overlay, message


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_configurations_of_the_project_are_valid_and_stay_as_they_are(path):
    given = merged(DEFAULT, yaml.safe_load(path.read_text()))
    assert checked(given, ROOT).model_dump(mode="json", exclude_unset=True) == given


@pytest.mark.parametrize(("base", "overlay", "message"), list(mistakes()))
def test_mistake_is_named(base, overlay, message):
    errors = errors_of(merged(BASES[base], yaml.safe_load(overlay)))
    assert [line for line in errors if line.startswith(f"config: {message}")], errors
    for line in errors:
        assert re.fullmatch(r"config: [^ ]+: .+[^.]\. Hint: .+", line)
        assert "^" not in line, "a regular expression explains nothing"


def test_all_mistakes_come_at_once():
    overlay = {"run": "a b", "sweep": {"repeat": 1, "protocols": ["gprc"]}, "model": {"inputs": [{"name": "a"}]}}
    assert [line.split(": ")[1] for line in errors_of(merged(DEFAULT, overlay))] == [
        "run",
        "model.inputs.0.dtype",
        "model.inputs.0.dims",
        "sweep.protocols.0",
        "sweep.repeat",
    ]
    overlay = {"sweep": {"slo_ms": 5000}, "tune": {"search": {"max_batch_sizes": [129]}}, "model": {"file": "absent"}}
    assert [line.split(": ")[1] for line in errors_of(merged(DEFAULT, overlay))] == [
        "model.file",
        "sweep.slo_ms",
        "tune.search.max_batch_sizes",
    ]


@pytest.mark.parametrize(
    ("overlay", "keys"),
    [
        # What does not need the ill-formed key is checked, in the same section too.
        ({"train": {"epochs": 0}, "not_served": {"onnx": "x"}}, ["train.epochs", "not_served"]),
        ({"sweep": {"protocols": ["gprc"], "slo_ms": 9000}}, ["sweep.protocols.0", "sweep.slo_ms"]),
        ({"sweep": 3, "pytriton": {"inputs": []}}, ["sweep", "pytriton.inputs"]),
        ({"serving": {"inner": "x"}, "model": {"onnx": "CITATION.cff"}}, ["serving.inner", "model.file", "model.file"]),
        # What needs it is not: neither a default nor what was written takes its place.
        ({"sweep": {"window_ms": "few", "slo_ms": 9000}}, ["sweep.window_ms"]),
        ({"model": {"inputs": [{"name": "a"}]}}, ["model.inputs.0.dtype", "model.inputs.0.dims"]),
        ({"profile": {"max": "input"}}, ["profile.max"]),
        ({"variants": ["onnx", "bsl"], "model": {"raw": None}}, ["variants.1"]),
    ],
    ids=str,
)
def test_mistakes_of_form_hide_no_others(overlay, keys):
    assert [line.split(": ")[1] for line in errors_of(merged(DEFAULT, overlay))] == keys


@pytest.mark.parametrize("path", ["sweep", "engine.tensorrt.precision"])
def test_missing_key_is_named(path):
    config = copy.deepcopy(DEFAULT)
    *sections, key = path.split(".")
    inner = config
    for section in sections:
        inner = inner[section]
    del inner[key]
    (line,) = errors_of(config)
    assert line == f"config: {path}: missing. Hint: config/config.yaml has every key; overlays change some"


def test_what_is_checked_stays_as_it_is():
    with pytest.raises(ValidationError, match="frozen"):
        Config.model_validate(DEFAULT).sweep.repeats = 1
    assert isinstance(Config.model_validate(DEFAULT).sweep.concurrencies, tuple)


def test_search_with_docker_is_accepted():
    checked(merged(DEFAULT, {"server": "native", "tune": {"launch": "docker", "variants": ["onnx"]}}), ROOT)


def test_absolute_model_file_is_accepted(tmp_path):
    (tmp_path / "mine.py").write_text((ROOT / DEFAULT["model"]["file"]).read_text())
    checked(merged(DEFAULT, {"model": {"file": str(tmp_path / "mine.py")}}), ROOT)


def test_snakemake_shows_a_line_for_each_mistake_and_writes_nothing(project, tmp_path):
    path = tmp_path / "mistake.yaml"
    path.write_text("run: mistake\nvariants: [onnx, null]\n")
    found = project.snakemake("-n", "sweeps", "--config", "sweep={repeats: 2}", configfiles=(path,), check=False)
    assert found.returncode == 1
    assert [
        line for line in found.stderr.splitlines() if not re.match(r"Using .* profile|Config file .* ext", line)
    ] == [
        'config: variants.1: null without quotes is not a name in YAML. Hint: write "null" with its quotes',
        'config: sweep.repeats: "2" is text. '
        "Hint: write it without quotes, with a point before e (1.0e-4), in a --configfile: --config makes it text",
    ]
    assert not (project.root / "artifacts" / "mistake").exists()


@pytest.mark.parametrize(
    ("overlay", "key", "today", "line"),
    [
        ({"engine": {"openvino": {"precision": "bf16"}}}, "precisions", ["bf16"], "write precisions: [bf16]"),
        ({"sweep": {"max_rounds": 30}}, "sweep", {"added_rounds": 21}, "write sweep: {added_rounds: 21}"),
        ({"sweep": {"max_rounds": 3}}, "sweep", {"added_rounds": 0}, "write sweep: {added_rounds: 0}"),
    ],
)
def test_key_of_an_earlier_version_still_works_and_says_what_to_write(overlay, key, today, line):
    config, lines = current(merged(DEFAULT, overlay))
    checked(config, ROOT)
    assert config[key] == (DEFAULT[key] | today if isinstance(today, dict) else today)
    (said,) = lines
    assert said.startswith("config: ") and said.endswith(f"is of an earlier version, and still works. Hint: {line}")


@pytest.mark.parametrize(
    "overlay",
    [{}, {"engine": {"openvino": {"precision": "f8"}}}, {"engine": 3}, {"sweep": {"max_rounds": "few"}}, {"sweep": []}],
    ids=str,
)
def test_what_no_version_knew_is_left_to_the_checks(overlay):
    config = merged(DEFAULT, overlay)
    assert current(config) == (config, [])
