"""A rule's settings are typed, its command line says what its script declares, and Snakemake has what we read of it."""

import ast
import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml

from analyse.tables import read_repeats
from conftest import DEFAULT, ROOT, merged
from plan.command import command_line, log_options
from plan.config import checked
from plan.loads import Windows, longest
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan
from program import job
from program.cli import UserError
from program.typed import canonical, rebuilt
from record.recorded import HEALTH, read_health

SCRIPTS = ROOT / "workflow" / "scripts"


@dataclass(frozen=True)
class Inner:
    """For the tests."""

    count: int
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outer:
    """For the tests."""

    inner: Inner
    more: list[Inner]
    by_name: dict[str, float]
    mode: Literal["a", "b"]
    size: int | str
    optional: Inner | None = None
    anything: Any = None


OUTER = Outer(Inner(1, ["x"]), [Inner(2)], {"y": 0.5}, "a", "all", Inner(3), [{"z": None}])
WRITTEN = json.loads(canonical(OUTER))


def test_settings_survive_the_command_line():
    assert rebuilt(Outer, WRITTEN) == OUTER
    assert canonical(rebuilt(Outer, dict(reversed(WRITTEN.items())))) == canonical(OUTER)
    # An integer is a number too, and what has a default may be missing.
    assert rebuilt(Outer, WRITTEN | {"by_name": {"y": 1}}).by_name == {"y": 1}
    assert rebuilt(Inner, {"count": 1}) == Inner(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": {"cuont": 1}}, "unknown key inner.cuont"),
        ({"inner": {}}, "missing key inner.count"),
        ({"inner": {"count": True}}, "inner.count is True, not int"),
        ({"inner": {"count": 1.5}}, "inner.count is 1.5, not int"),
        ({"more": [{"count": 1}, {"count": "2"}]}, "more[1].count is '2', not int"),
        ({"by_name": {"y": "fast"}}, "by_name.y is 'fast', not float"),
        ({"mode": "c"}, "mode is 'c', not Literal"),
        ({"size": None}, "size is None, not int | str"),
        ({"optional": {"count": None}}, "optional.count is None, not int"),
        ({"inner": 5}, "inner is 5, not a mapping"),
    ],
)
def test_wrong_settings_are_refused_by_name(change, message):
    with pytest.raises(ValueError) as refused:
        rebuilt(Outer, WRITTEN | change)
    assert str(refused.value) == message


@dataclass(frozen=True)
class Job:
    """For the tests."""

    settings: Inner
    model_file: Annotated[Path, "the model's file"]
    weights: Annotated[Path | None, "optional"]
    points: Annotated[list[Path], "any number"]
    retries: Annotated[int, "with a default"] = 2


def test_a_job_is_made_of_the_command_line(capsys):
    parser = job.parser(Job, "What it does.")
    given = parser.parse_args(["--settings", '{"count": 1}', "--model-file", "a b.py", "--points", "1.csv", "2.csv"])
    assert job._job(Job, given) == Job(Inner(1), Path("a b.py"), None, [Path("1.csv"), Path("2.csv")])
    assert re.search(r"--model-file MODEL_FILE\s+the model's file", parser.format_help())
    for text, error in (
        ("{oops", "not JSON: "),
        ('{"cuont": 1}', "unknown key cuont. Hint: the keys are count, names"),
    ):
        with pytest.raises(SystemExit):
            parser.parse_args(["--settings", text, "--model-file", "m.py"])
        assert f"error: --settings {error}" in capsys.readouterr().err


def test_a_command_line_has_what_a_rule_names_and_no_more():
    inputs = {"code": ["x.py", "y.py"], "after": "lock.txt", "model_file": "it's a $model.py", "weights": []}
    logs = log_options([(None, "x.log"), ("server", "x.server.log")])
    line = command_line("artifacts/a", "x.py", inputs, {"points": ["a b", "c"]}, {"retries": 2}, logs)
    assert shlex.split(line) == [
        *("python3", "x.py", "--model-file", "it's a $model.py", "--points", "a b", "c", "--retries", "2"),
        *("--log", "x.log", "--server-log", "x.server.log"),
    ]


def test_a_command_line_is_the_same_for_runs_of_other_names():
    lines = {command_line(f"out/{run}", "x.py", {"model": f"out/{run}/a b.pt"}) for run in ("one", "two")}
    assert lines == {"""python3 x.py --model "$run"/'a b.pt'"""}


def declared(script: Path) -> tuple[set[str], set[str]]:
    """The options that a script declares, and those of them that it cannot do without, read from its text."""
    body = next(
        node.body
        for node in ast.parse(script.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "Job"
    )
    fields = [node for node in body if isinstance(node, ast.AnnAssign)]
    needed = [one for one in fields if one.value is None and not re.search(r"None|list\[", ast.unparse(one.annotation))]
    return tuple({job.option(one.target.id) for one in some} for some in (fields, needed))  # type: ignore[union-attr]


@pytest.mark.parametrize("overlay", [None, "config/gpu.yaml", "tests/configs/wave.yaml", "native"])
def test_rules_name_what_their_scripts_declare(project, tmp_path, overlay):
    (tmp_path / "native.yaml").write_text("server: native\nvariants: [openvino, onnx, torchscript]\n")
    path = tmp_path / "native.yaml" if overlay == "native" else overlay
    targets = ["perf_report"] + ([] if path and "wave" in str(path) else ["tune", "deploy"])
    shown = project.snakemake("-n", "-p", "--forceall", *targets, configfiles=(path,) if path else ()).stdout
    lines = [shlex.split(line) for line in re.findall(r"exec (python3 workflow/scripts/.*)", shown)]
    for _, script, *words in lines:
        options = {word for word in words if re.fullmatch(r"--[a-z][a-z-]*", word)}
        known, needed = declared(project.root / script)
        assert needed | {"--log"} <= options <= known | {"--log"}, script
    assert len({script for _, script, *_ in lines}) > 10


@pytest.fixture
def asked():
    """The settings of the rules under a change of the default configuration."""

    def of(**changes):
        return RuleSettings(Plan(checked(merged(DEFAULT, changes), ROOT), ROOT))

    return of


def test_settings_hold_what_a_rule_uses_alone(asked):
    settings = asked()
    assert settings.sweep("openvino", "1").slo_ms is None
    assert asked(sweep={"request_rates": [10]}).sweep("openvino", "1").slo_ms == 20
    assert "opt" in settings.healthcheck("openvino").profile
    assert "opt" not in settings.healthcheck("onnx").profile
    assert settings.sweep("bls", "2").target.counted == "mnist_openvino"
    assert settings.tune_search("openvino").steering is None
    assert settings.repository_bls().serving.device == "cpu"


def test_a_search_sends_the_first_of_several_shapes(asked):
    vocoder = yaml.safe_load((ROOT / "config" / "hifigan.yaml").read_text())
    settings = asked(**vocoder)
    sent = [settings.tune_search("openvino"), settings.tune_halving("openvino"), settings.tune_proof("openvino")]
    assert {one.windows.shape for one in sent} == {settings.tune_choice("openvino").shape} == {"spec:80x40"}
    other = asked(**merged(vocoder, {"sweep": {"shapes": ["spec:80x300"]}}))
    assert other.tune_halving("openvino").windows.shape == "spec:80x300"
    assert other.tune_candidate().constraints == {"perf_latency_p99": {"max": 1000}}
    # A turn has half of a window, as in the rounds of the run.
    assert other.tune_halving("openvino").windows.window_ms == 1000 == other.head_to_head().windows.window_ms


@pytest.mark.parametrize(
    ("variant", "wanted", "threads"),
    [
        ("openvino", "auto", "all"),
        ("openvino_python", "auto", "all"),
        ("onnx", "auto", "all"),
        ("aotinductor", "auto", "auto"),
        ("openvino", 3, 3),
    ],
)
def test_auto_is_the_number_of_threads_that_serves_a_runtime_best(asked, variant, wanted, threads):
    assert asked(serving={"threads": wanted}).repository(variant).serving.threads == threads


@pytest.mark.parametrize(("variant", "size"), [("openvino", None), ("torchscript", None), ("tensorrt_rtx", 64)])
def test_only_engines_that_are_tuned_for_a_batch_size_prefer_it(asked, variant, size):
    """Others would be held to batches of profile.opt when more requests wait."""
    assert asked().repository(variant).serving.preferred_batch_size == size


@pytest.mark.parametrize(
    ("variants", "made", "said"),
    [
        (["openvino", "bls", "torchscript", "null"], "onnx", "variants: [torchscript, 'null'] and engines: []"),
        (["openvino", "bls", "torchscript", "null"], "openvino", "variants: [torchscript, 'null']"),
        (["openvino", "torchscript"], "torchscript", "variants: [openvino]"),
        (["onnx", "null"], "onnx", "variants: [pytriton, 'null'] and engines: []"),
    ],
)
def test_what_does_without_an_export_or_engine(asked, variants, made, said):
    plan = asked(variants=variants, engines=["tensorrt_rtx"], serving={"inner": "openvino"}).plan
    assert plan.without(made) == f"write {said} in the configuration"


FIXED = {"model": {"inputs": [{"name": "x", "dtype": "FP32", "dims": [3]}]}}
BOUNDS = dict.fromkeys(("min", "opt"), "x:1x3") | {"max": "x:128x3"}
VARYING = {
    "model": {"inputs": [{"name": "x", "dtype": "FP32", "dims": ["n"]}], "raw": None},
    "profile": BOUNDS,
    "variants": ["onnx"],
}


def test_shapes_of_samples(asked):
    assert asked().plan.sample_shapes == [""]
    assert asked(**VARYING).plan.sample_shapes == ["x:3"]
    profile = BOUNDS | {"min": "x:1x1", "max": "x:128x9"}
    shapes = {"sweep": {"shapes": ["x:1", "x:9"]}}
    assert asked(**VARYING | {"profile": profile} | shapes).plan.sample_shapes == ["x:1", "x:9"]


def test_every_load_level_is_measured_at_every_shape(asked):
    sweep = {"shapes": ["x:1", "x:3"], "batch_sizes": [1, 2]}
    found = asked(**VARYING | {"profile": BOUNDS | {"min": "x:1x1"}, "sweep": sweep}).sweep("onnx", "1").grid.loads
    assert [(load.shape, load.batch_size) for load in found if load.concurrency == 1] == [
        *(("x:1", 1), ("x:1", 2), ("x:3", 1), ("x:3", 2)),
    ]
    assert found[0].name == "grpc_batch1_x-1_concurrency1"


def test_load_levels_in_their_order(asked):
    sweep = {"protocols": ["grpc", "http"], "concurrencies": [1, 4], "request_rates": [10], "shared_memory": ["none"]}
    names = [load.name for load in asked(sweep=sweep).sweep("openvino", "1").grid.loads]
    levels = ["concurrency1", "concurrency4", "constant10", "poisson10"]
    assert names == [f"{protocol}_batch1_{level}" for protocol in ("grpc", "http") for level in levels]


MOST = range(1, 10_001)
# What Linux takes as one argument, in bytes: a command is one to the shell.
LONGEST = 128 * 1024


def test_any_number_of_points_fits_on_a_command_line(asked):
    sweep = asked(sweep={"concurrencies": [*MOST]}).sweep("openvino", "1")
    assert len(sweep.grid.loads) == len(MOST)
    assert len(canonical(sweep)) < LONGEST - 16_000


@pytest.mark.slow
def test_a_thousand_points_are_the_jobs_of_three(project, tmp_path):
    """No job per point, and no command line over the limit."""
    overlay = tmp_path / "many.yaml"
    overlay.write_text(f"sweep: {{concurrencies: {[*MOST][:1000]}}}\n")
    shown = [project.snakemake("-n", "-p", configfiles=(path,)).stdout for path in (overlay, "config/config.yaml")]
    many, three = ({*re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)} for text in shown)
    assert many == three and ("sweep", str(len(DEFAULT["variants"]))) in many
    assert max(map(len, shown[0].splitlines())) < LONGEST


def test_time_follows_the_points():
    windows = Windows(window_ms=1000, stability_percent=10, max_windows=5, samples=1)
    assert longest(3, windows) == 60
    # 20 s a point, three times.
    assert longest(1000, windows) == 10 + 1000


@pytest.mark.parametrize(
    ("keys", "difference"),
    [
        (HEALTH[1:], "it lacks variant"),
        ((*HEALTH, "mood"), "it has mood"),
        (("mood", *HEALTH[1:]), "it lacks variant and has mood"),
    ],
)
def test_file_of_another_version_is_refused_by_name(tmp_path, keys, difference):
    path = tmp_path / "health.json"
    path.write_text(json.dumps(dict.fromkeys(keys)))
    with pytest.raises(UserError) as refused:
        read_health(path)
    start = f"{path} was written by another version of the workflow: {difference}. Hint: rerun what makes it: remove "
    assert str(refused.value).startswith(start)
    with pytest.raises(UserError, match=rf"^{path} was written by another version of the workflow: it lacks "):
        (tmp_path / "health.json").write_text("variant,concurrency\n")
        read_repeats([path])
