"""Mode halving: who stays, on figures that are made up; a search on a real server; what a run of it makes."""

import copy
import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import MODEL, PROFILE, SERVING, checks
from model import shapes
from model.signature import Signature
from plan.settings.tune import Goal, Lists
from program.cli import UserError
from program.typed import rebuilt
from project import copy_project, short
from searches import WINDOWS, reference
from serve import modelconfig
from serve.serving import Serving
from tuning import halving, results, space
from tuning.halving import Contestant

GOAL = Goal(["perf_throughput"], {"perf_latency_p99": {"max": 20}})
# Ten configurations, by how fast they are.
SPEED = {f"small_config_{number}": 100.0 + number for number in range(9)} | {"small_config_default": 50.0}


def contestants() -> list[Contestant]:
    return [Contestant(name, 4) for name in SPEED]


def take_of(speed: dict[str, float], p99: dict[str, float]):
    """Points of a machine that gets ten times slower from round to round."""
    taken = Counter()

    def take(one: Contestant) -> dict[str, Any]:
        taken[one] += 1
        drift = 10.0 ** -taken[one]
        latencies = {f"latency_{name}": p99.get(one.config, 10) * 1000 for name in ("avg", "p90", "p95", "p99")}
        return {"batch_size": 1, "throughput": speed[one.config] * drift, **latencies}

    return take


def test_exactly_the_worse_half_leaves_after_each_round():
    turns = halving.rounds(contestants(), take_of(SPEED, {}), GOAL)
    rounds = {number: {turn["config"] for turn in turns if turn["round"] == number} for number in (1, 2, 3, 4)}
    assert [len(found) for found in rounds.values()] == [10, 5, 3, 2]
    assert len(turns) == 20 == halving.turns_of(10)
    # The default, which is the slowest, has the last place of those that stay.
    assert rounds[2] == {"small_config_default", *(f"small_config_{number}" for number in (5, 6, 7, 8))}
    assert rounds[3] == {"small_config_default", "small_config_7", "small_config_8"}
    assert rounds[4] == {"small_config_default", "small_config_8"}
    orders = [[turn["config"] for turn in turns if turn["round"] == number] for number in (1, 2)]
    assert orders[0] != list(SPEED), "turns are in random order"
    assert [name for name in orders[0] if name in rounds[2]] != orders[1], "of another one in every round"
    again = halving.rounds(contestants(), take_of(SPEED, {}), GOAL)
    assert [(turn["config"], turn["turn"]) for turn in again] == [(turn["config"], turn["turn"]) for turn in turns]


def test_winner_is_among_those_that_took_part_to_the_end(tmp_path):
    """Figures of the first round are ten times those of the second."""
    turns = halving.rounds(contestants(), take_of(SPEED, {}), GOAL)
    results.write(tmp_path / "results.csv", [halving.summary(one, turns) for one in contestants()])
    rows = results.read(tmp_path / "results.csv")
    assert {row["config"]: row["rounds"] for row in rows} == dict(Counter(turn["config"] for turn in turns))
    winner, rival = results.contest(rows, GOAL.objectives, GOAL.constraints)
    assert (winner["config"], rival["config"]) == ("small_config_8", "small_config_default")
    assert winner["perf_throughput"] < min(row["perf_throughput"] for row in rows if row["rounds"] == 1)
    # The geometric mean of 10.8, 1.08, 0.108 and 0.0108.
    assert winner["perf_throughput"] == pytest.approx(108 * 10**-2.5)
    assert winner["perf_latency_p99"] == pytest.approx(10)


def test_what_misses_a_constraint_ranks_last_by_how_far():
    late = {f"small_config_{number}": 20.0 + number for number in range(1, 9)}
    turns = [{**vars(one), **take_of(SPEED, late)(one)} for one in contestants()]
    kept = halving.better_half(contestants(), turns, GOAL)
    assert [one.config for one in kept] == [
        *("small_config_0", "small_config_default"),
        *("small_config_1", "small_config_2", "small_config_3"),
    ]


def test_low_latency_may_be_the_objective():
    p99 = {name: 10.0 + place for place, name in enumerate(SPEED)}
    turns = [{**vars(one), **take_of(SPEED, p99)(one)} for one in contestants()]
    kept = halving.better_half(contestants(), turns, Goal(["perf_latency_p99"], {}))
    assert [one.config for one in kept][:4] == [f"small_config_{number}" for number in range(4)]
    assert kept[4].default


def test_best_load_of_the_default_stays():
    loads = [Contestant("small_config_default", level) for level in (1, 4, 16)]
    others = [Contestant("small_config_0", level) for level in (1, 4, 16)]
    speed = {("small_config_0", level): 900.0 + level for level in (1, 4, 16)}
    speed |= {("small_config_default", 1): 10.0, ("small_config_default", 4): 30.0, ("small_config_default", 16): 20.0}
    latencies = {f"latency_{name}": 1000.0 for name in ("avg", "p90", "p95", "p99")}
    turns = [
        {**vars(one), "batch_size": 1, "throughput": speed[one.config, one.concurrency], **latencies}
        for one in [*loads, *others]
    ]
    kept = halving.better_half([*loads, *others], turns, GOAL)
    assert kept == [Contestant("small_config_0", 16), Contestant("small_config_0", 4), loads[1]]


@pytest.fixture
def config() -> Any:
    """A model that prefers batches of 4 and is warmed up with 1 and 16."""
    profile, model = shapes.parse_profile(PROFILE), rebuilt(Signature, MODEL)
    return modelconfig.engine_model("small", model, profile, Serving(**SERVING, preferred_batch_size=4))


SEARCH = {
    "instances": [1, 2],
    "max_batch_sizes": [2, 16],
    "preferred_batch_sizes": [],
    "queue_delays_us": [0, 100],
    "threads": [],
    "concurrencies": [1, 2],
}


def test_combinations_are_all_that_differ_from_the_default(config):
    before = copy.deepcopy(config)
    default, *others = space.combinations(config, Lists(**SEARCH), results.DEFAULT)
    assert default.name == "small_config_default"
    assert [one.name for one in others] == [f"small_config_{number}" for number in range(7)]
    found = [space.described(one) for one in others]
    assert {(one["instances"], one["max_batch_size"], one["queue_delay_us"]) for one in found} == {
        *((count, size, delay) for count in (1, 2) for size in (2, 16) for delay in (0, 100))
    } - {(1, 16, 0)}
    # What a list leaves open is the model's own, as far as a batch goes.
    assert {(one["max_batch_size"], *one["preferred_batch_size"]) for one in found} == {(2,), (16, 4)}
    assert {one["threads"] for one in found} == {"auto"}
    assert all(len(one.model_warmup) == (2 if one.max_batch_size == 16 else 1) for one in others)
    assert config == before
    (_, only) = space.combinations(
        config,
        Lists(**{key: [] for key in SEARCH} | {"threads": [3], "preferred_batch_sizes": [0]}),
        results.DEFAULT,
    )
    assert space.described(only) == space.described(config) | {"threads": "3", "preferred_batch_size": []}


TARGET = {"name": "small", "counted": "small", "device": "cpu", "model": MODEL, "inputs": []}
SETTINGS = {
    **{"server": "bundled", "batch_size": 1, "windows": WINDOWS | {"window_ms": 100}, "target": TARGET},
    **{"goal": {"objectives": ["perf_throughput"], "constraints": {"perf_latency_p99": {"max": 5000}}}},
    **{"search": SEARCH | {"instances": [], "max_batch_sizes": []}, "max_foreign_cpu": 1000},
}


def given(directory: Path, repository: Path, *faults: str) -> list[str | Path]:
    """The options of the rule's script."""
    (directory / "checks.json").write_text(checks("small", *faults))
    return [
        *("--repository", repository, "--checks", "checks.json", "--reference", reference(directory)),
        *("--server-log", "server.log", "--results", "results.csv", "--configs", "configs", "--turns", "turns.csv"),
    ]


@pytest.mark.slow
def test_search_on_one_server(null_repository, script, tmp_path):
    found = script("tune_halving.py", *given(tmp_path, null_repository), settings=SETTINGS)
    assert found.returncode == 0, found.stderr
    with (tmp_path / "turns.csv").open() as stream:
        turns = list(csv.DictReader(stream))
    every = {(name, level) for name in ("small_config_default", "small_config_0") for level in ("1", "2")}
    rounds = [[turn for turn in turns if turn["round"] == number] for number in ("1", "2")]
    assert {(turn["config"], turn["concurrency"]) for turn in rounds[0]} == every
    assert len(turns) == len(every) + 2 == halving.turns_of(4)
    assert "small_config_default" in {turn["config"] for turn in rounds[1]}
    assert len({turn["job"] for turn in turns}) == 1
    rows = results.read(tmp_path / "results.csv")
    assert {(row["config"], str(row["concurrency"])) for row in rows} == every
    assert sorted(row["rounds"] for row in rows) == [1, 1, 2, 2]
    assert all(0 < row["perf_latency_avg"] < 5000 for row in rows)
    described = {
        path.stem: space.described(modelconfig.parse(path.read_text())) for path in (tmp_path / "configs").iterdir()
    }
    delays = {name: settings["queue_delay_us"] for name, settings in described.items()}
    assert delays == {"small_config_default": 0, "small_config_0": 100}
    # It is what the next rule takes.
    winner = script(
        "tune_candidate.py", "--results", "results.csv", "--configs", "configs", "--repository", null_repository,
        "--candidate", "candidate", "--record", "candidate.json", settings=SETTINGS["goal"],
    )  # fmt: skip
    assert winner.returncode == 0, winner.stderr
    record = json.loads((tmp_path / "candidate.json").read_text())
    assert record["default"]["config"] == "small_config_default"
    delay = delays[record["winner"]["config"]]
    text = (tmp_path / "candidate" / "small" / "config.pbtxt").read_text()
    assert modelconfig.parse(text).dynamic_batching.max_queue_delay_microseconds == delay


def test_unhealthy_variant_is_not_searched(null_repository, script, tmp_path):
    found = script("tune_halving.py", *given(tmp_path, null_repository, "it is asleep"), settings=SETTINGS)
    assert (found.returncode, found.stderr) == (
        2, "tune_halving.py: error: small is unhealthy: it is asleep. Hint: see checks.json\n",
    )  # fmt: skip
    assert not (tmp_path / "server.log").exists()


@pytest.mark.slow
def test_configuration_that_does_not_load_ends_the_search(make_repository, repository_settings, script, tmp_path):
    runtime = tmp_path / "runtime_picky.py"
    runtime.write_text(
        "def load(directory, config, threads, device):\n"
        "    if threads == 3:\n"
        "        raise ValueError('three is too many')\n"
        "    return lambda batch: [__import__('numpy').zeros((len(batch[0]), 10), 'float32')]\n"
    )
    repository = make_repository(repository_settings, runtime)
    search = SETTINGS["search"] | {"threads": [1, 3], "queue_delays_us": []}
    found = script("tune_halving.py", *given(tmp_path, repository), settings=SETTINGS | {"search": search})
    assert found.returncode == 2, found.stderr
    assert "three is too many" in found.stderr
    assert "small_config_1" in found.stderr
    assert "Traceback (most recent call last)" not in found.stderr.split("its log is")[0]
    assert not [name for name in ("results.csv", "configs", "turns.csv") if (tmp_path / name).exists()]


def test_threads_of_a_native_backend_can_be_searched():
    """Ours have a parameter for them, NVIDIA's for TensorRT has none."""
    profile, model = shapes.parse_profile(PROFILE), rebuilt(Signature, MODEL)
    ours = modelconfig.engine_model("small", model, profile, Serving(**SERVING), backend="openvino")
    assert space.thread_parameter(ours) == "threads"
    search = Lists(**SEARCH | {"threads": [1]})
    space.require_searchable(ours, search)
    other = modelconfig.native_model("small", "tensorrt", model, profile, Serving(**SERVING))
    with pytest.raises(UserError, match="small has no parameter for them"):
        space.require_searchable(other, search)


HALVING = {"tune": {"mode": "halving", "search": {"queue_delays_us": [0, 500]}}}
SEARCHED = {f"tune/openvino/halving/{name}" for name in ("results.csv", "configs", "turns.csv")}
CHOSEN = {
    *(f"tune/openvino/{name}" for name in ("candidate", "candidate.json", "proof.csv", "proof", "choice.json")),
    "report/tune_report.html",
}


@pytest.fixture(scope="module")
def pretended(tmp_path_factory):
    """A project in which Snakemake believes that a search in mode halving has ended, and its overlay."""
    project = copy_project(tmp_path_factory.mktemp("halving") / "project")
    overlay = project.root / "halving.yaml"
    overlay.write_text(yaml.safe_dump(HALVING))
    planned = {row["output_file"] for row in project.summary("tune", configfiles=(overlay,))}
    for path in (project.root / name for name in planned):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("") if path.suffix else path.mkdir(exist_ok=True)
    project.snakemake("tune", "--touch", "--forceall", "--cores", "1", configfiles=(overlay,))
    return project, overlay, planned


@pytest.mark.slow
def test_search_without_model_analyzer_plans_nothing_of_it(pretended):
    project, overlay, planned = pretended
    assert {short(name) for name in planned} > SEARCHED | CHOSEN
    assert not [name for name in planned if "model_analyzer" in name or name.endswith("openvino/results.csv")]
    assert project.planned("tune", configfiles=(overlay,)) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({"search": {"threads": [1]}}, SEARCHED | CHOSEN),
        ({"constraints": ["perf_latency_p99 <= 21"]}, SEARCHED | CHOSEN),
        ({"rounds": 6}, CHOSEN - {"tune/openvino/candidate", "tune/openvino/candidate.json"}),
        ({"max_trials": 21, "model_analyzer": "elsewhere"}, set()),
    ],
)
def test_change_repeats_what_depends_on_it(pretended, tmp_path, changes, again):
    project, overlay, _ = pretended
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"tune": changes}))
    assert project.planned("tune", configfiles=(overlay, other)) == again
