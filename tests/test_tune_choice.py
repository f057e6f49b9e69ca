"""What a search is asked for, and what is made of its figures: without a server."""

import copy
from typing import Any

import pytest

import searches
from analyse.intervals import Interval
from conftest import MODEL, PROFILE, SERVING
from model import shapes
from model.signature import Signature
from plan.settings.tune import Lists, Search
from program.typed import rebuilt
from serve import modelconfig
from serve.serving import Serving
from tuning import analyzer, results, space
from tuning.choice import decide, front, proven

SEARCH = {
    "instances": [1, 2],
    "max_batch_sizes": [8, 16],
    "preferred_batch_sizes": [0, 4],
    "queue_delays_us": [0, 500],
    "threads": [1],
    "concurrencies": [4, 16],
}
RANGES = SEARCH | {"preferred_batch_sizes": [], "queue_delays_us": [], "threads": []}
WITHIN = {"perf_latency_p99": {"max": 20}}


def settings(mode: str, search: dict[str, Any]) -> Search:
    return rebuilt(Search, searches.SETTINGS | {"mode": mode, "search": search, "max_trials": 7})


@pytest.fixture
def config() -> Any:
    """A model that prefers batches of 4 and is warmed up with 1 and 16."""
    profile, model = shapes.parse_profile(PROFILE), rebuilt(Signature, MODEL)
    return modelconfig.engine_model("small", model, profile, Serving(**SERVING, preferred_batch_size=4))


def row(config: str, concurrency: int, throughput: float, p99: float) -> dict[str, Any]:
    """A measurement."""
    latencies = {f"perf_latency_{name}": p99 for name in ("avg", "p90", "p95", "p99")}
    name = f"small{config}"
    return {"config": name, "concurrency": concurrency, "perf_throughput": throughput, "rounds": 1, **latencies}


ROWS = [
    row("_config_default", 4, 100, 5),
    row("_config_default", 16, 200, 18),
    row("_config_0", 4, 120, 4),
    row("_config_0", 16, 300, 25),
    row("_config_1", 16, 250, 19),
]


def test_manual_search_asks_for_every_list(config):
    profile = space.model_profile(config, settings("manual", SEARCH))
    assert profile == {
        "cpu_only": True,
        "parameters": {"batch_sizes": [1], "concurrency": [4, 16]},
        "model_config_parameters": {
            "max_batch_size": [8, 16],
            "instance_group": [[{"kind": "KIND_CPU", "count": [1, 2]}]],
            "dynamic_batching": {"preferred_batch_size": [[], [4]], "max_queue_delay_microseconds": [0, 500]},
            "parameters": {"threads": {"string_value": ["1"]}},
        },
    }
    # 2 × 2 × 2 × 2 configurations and the default, at two concurrencies.
    assert space.measurements(settings("manual", SEARCH)) == (16 + 1) * 2


@pytest.mark.parametrize("mode", ["brute", "quick"])
def test_searches_of_model_analyzer_take_ranges(config, mode):
    assert "model_config_parameters" not in space.model_profile(config, settings(mode, RANGES))
    assert space.ranges(settings(mode, RANGES)) == {
        "run_config_search_mode": mode,
        "run_config_search_min_instance_count": 1,
        "run_config_search_max_instance_count": 2,
        "run_config_search_min_model_batch_size": 8,
        "run_config_search_max_model_batch_size": 16,
        "run_config_search_min_concurrency": 4,
        "run_config_search_max_concurrency": 16,
    }
    assert space.measurements(settings(mode, RANGES)) is None


def test_optuna_takes_lists_and_trials(config):
    search = RANGES | {"queue_delays_us": [0, 500]}
    chosen = space.model_profile(config, settings("optuna", search))["model_config_parameters"]
    assert chosen["dynamic_batching"] == {"max_queue_delay_microseconds": [0, 500]}
    assert space.ranges(settings("optuna", search)) == {
        "run_config_search_mode": "optuna",
        "optuna_max_trials": 7,
        "run_config_search_min_concurrency": 4,
        "run_config_search_max_concurrency": 16,
    }


def test_search_starts_from_a_model_that_loads_with_every_batch_size(config):
    base = space.searched(config, Lists(**SEARCH | {"max_batch_sizes": [2, 16]}))
    assert [one.batch_size for one in base.model_warmup] == [1]
    assert list(base.dynamic_batching.preferred_batch_size) == []
    assert base.max_batch_size == 16
    # Where nothing smaller is searched, it is the model as it is served.
    assert space.searched(config, Lists(**SEARCH | {"max_batch_sizes": []})) == config


def test_tuned_config_changes_what_was_searched_alone(config):
    found = copy.deepcopy(config)
    found.instance_group[0].count = 2
    found.max_batch_size = 8
    found.dynamic_batching.max_queue_delay_microseconds = 500
    found.dynamic_batching.ClearField("preferred_batch_size")
    found.parameters["threads"].string_value = "3"
    found.parameters["profile"].string_value = "of the search"
    tuned = space.tuned(config, found)
    assert space.described(tuned) == {
        **{"instances": 2, "max_batch_size": 8, "preferred_batch_size": [], "queue_delay_us": 500, "threads": "3"}
    }
    assert tuned.parameters["profile"] == config.parameters["profile"]
    assert [one.batch_size for one in tuned.model_warmup] == [1]


def test_best_within_the_constraints_and_what_it_has_to_beat():
    assert results.contest(ROWS, ["perf_throughput"], WITHIN) == (ROWS[4], ROWS[1])
    assert results.contest(ROWS, ["perf_latency_p99"], WITHIN) == (ROWS[2], ROWS[0])
    # The default meets nothing: it is measured at the load of the winner.
    assert results.contest(ROWS, ["perf_throughput"], {"perf_throughput": {"min": 220}}) == (ROWS[3], ROWS[1])
    assert results.contest(ROWS, ["perf_throughput"], {"perf_latency_p99": {"max": 1}}) == (None, ROWS[1])


def test_front_holds_what_nothing_beats_in_both():
    assert front(ROWS) == [ROWS[2], ROWS[1], ROWS[4], ROWS[3]]
    assert front([ROWS[0], row("_config_2", 1, 90, 6)]) == [ROWS[0]]


def points(tuned: list[float], default: list[float], p99: float = 10_000, status: str = "stable") -> list[dict]:
    """The rounds of a proof; latencies in microseconds."""
    latencies = {f"latency_{name}": p99 for name in ("avg", "p90", "p95", "p99")}
    return [
        {"variant": name, "repeat": number, "throughput": value, "status": status, **latencies}
        for name, values in (("tuned", tuned), ("default", default))
        for number, value in enumerate(values, 1)
    ]


RECORD = {"winner": ROWS[4], "default": ROWS[1], "differs": True}
BETTER = points([120, 122, 119, 121, 120], [100, 101, 99, 100, 102])
ALIKE = points([120, 95, 104, 99, 108], [100, 101, 99, 100, 102])


@pytest.mark.parametrize(
    ("record", "measured", "chosen", "why"),
    [
        (RECORD, BETTER, "tuned", "Within perf_latency_p99 ≤ 20 ms and measured again in turn, 1.20 ["),
        (RECORD, ALIKE, "default", "Measured again in turn, a gain is not shown: 1.04 ["),
        (RECORD, points([120] * 3, [100] * 3, p99=21_000), "default", "did not meet perf_latency_p99 ≤ 20 ms"),
        (RECORD, points([120] * 3, [100] * 3, status="unstable"), "default", "Only 0 of 3 rounds were stable"),
        (RECORD | {"default": ROWS[3]}, ALIKE, "tuned", "The default did not meet perf_latency_p99 ≤ 20 ms"),
        (RECORD | {"winner": None}, [], "default", "No configuration met perf_latency_p99 ≤ 20 ms"),
        (RECORD, [], "default", "No configuration did better than the default"),
    ],
)
def test_tuned_only_where_its_gain_is_shown(record, measured, chosen, why):
    found = decide(record, proven(measured, ["perf_throughput"]), WITHIN)
    assert found[0] == chosen
    assert why in found[1]


def test_proof_gives_medians_and_the_interval_of_the_ratio():
    found = proven(BETTER, ["perf_throughput"])
    assert (found["rounds"], found["stable_rounds"]) == (5, 5)
    assert (found["tuned"]["perf_throughput"], found["default"]["perf_throughput"]) == (120, 100)
    assert found["tuned"]["perf_latency_p99"] == 10
    ratio = Interval(**found["ratio"])
    assert ratio.low < 1.2 < ratio.high
    assert ratio.difference_shown


def test_measurements_that_began_and_left_no_figures_are_found():
    text = (
        "[Model Analyzer] Profiling small_config_0: concurrency=4\n"
        "[Model Analyzer] Profiling small_config_0: client batch size=2, concurrency=16\n"
        "[Model Analyzer] Model small_config_1 load failed: [StatusCode.INTERNAL] no\n"
    )
    assert analyzer.failures(text, {("small_config_0", 4)}) == [
        "small_config_0 at concurrency 16",
        "Model small_config_1 load failed: [StatusCode.INTERNAL] no",
    ]


def test_checkpoints_belong_to_what_was_measured(tmp_path):
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "model.py").write_text("1")
    first = analyzer.checkpoints(tmp_path / "all", {"threads": 1}, tmp_path / "repository")
    (first / "0.ckpt").write_text('{"cut')
    (first / "1.ckpt").write_text("{}")
    assert analyzer.checkpoints(tmp_path / "all", {"threads": 1}, tmp_path / "repository") == first
    assert [path.name for path in first.iterdir()] == ["1.ckpt"]
    (tmp_path / "repository" / "model.py").write_text("2")
    other = analyzer.checkpoints(tmp_path / "all", {"threads": 1}, tmp_path / "repository")
    assert list((tmp_path / "all").iterdir()) == [other] != [first]
