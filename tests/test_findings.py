"""The verdict and the findings: what is said of which figures, and what is not."""

import re
from dataclasses import asdict
from typing import Any

import pandas as pd
import pytest

from analyse import summary as summary_of
from analyse import tables
from analyse.findings import Finding, findings
from analyse.head_to_head import comparisons
from analyse.verdict import Verdict, contenders, verdict
from report_sample import engine, failed, healthy, measured, other_records, rounds, sample_document, unstable

Repeat = dict[str, Any]


def thrice(variant: str, concurrency: int, throughput: float, **changes: Any) -> list[Repeat]:
    """Three repeats that differ by a per cent."""
    return [
        measured(variant, concurrency, throughput * factor, repeat=repeat, **changes)
        for repeat, factor in ((1, 0.99), (2, 1.0), (3, 1.01))
    ]


def judged(rows: list[Repeat], health: dict[str, Any], turns: pd.DataFrame, inner: str = "fast") -> list[dict]:
    """The comparisons of a document."""
    ranked = [row["variant"] for row in contenders(rows, health)]
    return [asdict(one) for one in comparisons(turns, ranked, inner)]


def verdict_of(*found: Repeat, turns: pd.DataFrame | None = None, **checks: Any) -> Verdict:
    """The verdict on these repeats and turns; variants are healthy but for `checks`."""
    turns = tables.read_rounds(None) if turns is None else turns
    health = {one["variant"]: healthy(one["variant"]) for one in found} | checks
    rows = tables.records(summary_of.summarise(pd.DataFrame(found), {}, rounds=turns))
    return verdict(rows, health, judged(rows, health, turns))


def head_to_head(count: int = 9, scatter: float = 0.02, **throughputs: float) -> Verdict:
    """The verdict on rounds in which variants have these throughputs."""
    points = [measured(name, 65, throughput) for name, throughput in throughputs.items()]
    return verdict_of(*points, turns=rounds(throughputs, count, scatter))


def found_in(
    *found: Repeat, in_process: dict[str, float] | None = None, turns: pd.DataFrame | None = None, **changes: Any
) -> dict[str, Finding]:
    """The findings in these repeats and turns by rule; variants are healthy, but for `changes` of the document."""
    turns = tables.read_rounds(None) if turns is None else turns
    limits = {(name, ""): one for name, one in (in_process or {}).items()}
    rows = tables.records(summary_of.summarise(pd.DataFrame(found), {}, limits, turns))
    health = {one["variant"]: healthy(one["variant"]) for one in found}
    document = {
        **other_records(),
        "reference": "PyTorch",
        "rows": rows,
        "comparisons": judged(rows, health, turns),
        "health": health,
        "engines": [],
        **changes,
    }
    return {one.rule: one for one in findings(document, 64)}


# The verdict


def test_verdict_of_the_sample() -> None:
    document = sample_document(turns=rounds({"fast": 5000, "slow": 4000}))
    assert document["verdict"] == "fast is fastest: 1.27× slow, the next."
    assert [re.sub(r"[0-9,]+ infer", "N infer", detail) for detail in document["verdict_details"]] == [
        "fast serves N infer/s at concurrency 65 over gRPC, the median of 9 rounds; accuracy 99.1 %, equal to PyTorch.",
        "1.27× [1.24, 1.29] slow (the next).",
        "61 % of the ceiling, a model that computes nothing.",
        "Not compared: shaky (unstable) and broken (unhealthy).",
    ]


@pytest.mark.parametrize(
    ("throughputs", "said"),
    [
        ({"a": 340, "pytriton": 100}, "a is fastest: 3.4× PyTriton with eager PyTorch."),
        ({"a": 300, "b": 299, "pytriton": 100}, "b and a lead: 3.0× PyTriton with eager PyTorch."),
        ({"a": 300, "b": 294, "pytriton": 100}, "a and b lead: 3.0× and 2.9× PyTriton with eager PyTorch."),
        ({"a": 100.5, "pytriton": 100}, "a is not shown to be faster than PyTriton with eager PyTorch."),
        ({"a": 300, "b": 200}, "a is fastest: 1.52× b, the next."),
        ({"a": 300}, "a is the only variant that competes."),
    ],
)
def test_verdict_says_what_the_rounds_show_in_twelve_words(throughputs: dict[str, float], said: str) -> None:
    text = head_to_head(**throughputs).text
    assert text == said
    assert len(text.split()) <= 12


def test_verdict_says_what_to_do_about_noise() -> None:
    found = head_to_head(scatter=0.3, a=110, pytriton=100)
    assert found.text == "a is not shown to be faster than PyTriton with eager PyTorch."
    assert found.details[1].startswith("No difference from PyTriton with eager PyTorch is shown: ")
    assert re.fullmatch(
        r"The noise hides what is smaller than \d+ %: .*sweep.rounds, or sweep.until.*", found.details[2]
    )


def test_verdict_says_how_many_rounds_it_takes() -> None:
    found = head_to_head(count=5, a=300, b=200, pytriton=100)
    assert found.text == "a served most, in too few rounds to be sure."
    assert "5 rounds are too few to compare it with PyTriton with eager PyTorch." in found.details
    assert "Measure at least 7 rounds (sweep.rounds) to compare all variants." in found.details


def test_verdict_from_one_repeat_claims_no_ratio() -> None:
    found = verdict_of(measured("a", 1, 110), measured("pytriton", 1, 100))
    assert found.text == "a served most, in too few rounds to be sure."
    assert found.details == [
        "a serves 110 infer/s at concurrency 1 over gRPC, measured once; accuracy 99.1 %, equal to PyTorch."
    ]


def test_disturbed_rounds_are_named_with_the_figure() -> None:
    turns = rounds({"a": 300, "b": 100})
    turns.loc[[0, 2], "status"] = "disturbed"
    found = verdict_of(measured("a", 65, 300), measured("b", 65, 100), turns=turns)
    assert "the median of 9 rounds, 2 of them disturbed;" in found.details[0]
    assert found.details[1].endswith("(2 of 9 rounds were disturbed).")


def test_verdict_says_when_the_ceiling_was_passed() -> None:
    _, detail = verdict_of(measured("a", 1, 110), measured("null", 1, 100)).details
    assert detail.startswith("110 % of the ceiling, a model that computes nothing: more than is possible")


def test_verdict_never_names_the_ceiling_as_winner() -> None:
    assert verdict_of(measured("null", 1, 100), measured("a", 1, 10)).text.startswith("a is the only variant")
    ceiling = verdict_of(measured("null", 1, 100))
    assert ceiling == Verdict("Only the ceiling was measured.", ["100 infer/s at concurrency 1 over gRPC."])
    assert verdict_of(failed("null", 1, "no")).text == "Only the ceiling was measured, and it failed."


def test_verdict_when_all_failed() -> None:
    found = verdict_of(failed("a", 1, "no"), failed("b", 1, "no"), b=healthy("b", reasons=("not ready",)))
    assert found.text == "No variant has a usable point."
    assert found.details == ["At concurrency 1 over gRPC: a failed and b is unhealthy."]


def test_verdict_takes_first_protocol_and_batch_at_highest_concurrency() -> None:
    found = verdict_of(
        measured("a", 65, 10, batch_size=8, protocol="http"),
        measured("a", 1, 99, batch_size=8, protocol="http"),
        measured("a", 257, 99, batch_size=1, protocol="http"),
        measured("a", 257, 99, batch_size=8),
    )
    assert found.details[0].startswith("a serves 10 infer/s at concurrency 65 over HTTP, batch 8, measured once;")


def test_verdict_prefers_stable_points_to_faster_ones() -> None:
    found = verdict_of(unstable("a", 1, 100), measured("b", 1, 10))
    assert found.details[0].startswith("b serves 10 infer/s")
    assert found.details[1] == "Not compared: a (unstable, 100 infer/s)."


@pytest.mark.parametrize(
    ("status", "words"),
    [("unstable", "did not settle"), ("client_bound", "load generator")],
)
def test_verdict_says_that_the_best_point_is_not_stable(status: str, words: str) -> None:
    assert words in verdict_of(measured("a", 1, 10, status=status)).details[1]


def test_verdict_leaves_out_unhealthy_variants() -> None:
    found = verdict_of(measured("a", 1, 100), measured("b", 1, 10), a=healthy("a", reasons=("accuracy",)))
    assert found.details[0].startswith("b serves")
    assert found.details[1] == "Not compared: a (unhealthy)."


def test_verdict_says_how_far_answers_are_from_pytorch() -> None:
    found = verdict_of(measured("a", 1, 10), a=healthy("a", agreement=0.998))
    assert "agreement with PyTorch 99.80 %" in found.details[0]


# The findings


def test_healthy_steady_run_raises_no_doubt() -> None:
    assert found_in(*thrice("a", 1, 100, requests=300_000), engines=[engine()]) == {}


def test_unhealthy_variants_with_their_reasons() -> None:
    checks = {"a": healthy("a", reasons=("grpc: not live", "http: not live")), "b": healthy("b")}
    found = found_in(measured("a", 1, 1), measured("b", 1, 1), health=checks)["unhealthy"]
    assert (found.text, found.evidence) == (
        "a failed the health check and is left out of comparisons.",
        "a: grpc: not live, http: not live",
    )


def test_precision_that_was_not_requested() -> None:
    found = found_in(measured("a", 1, 1), engines=[engine("bf16")])["precision"]
    assert found.text == "The openvino engine computes in bf16, which was not requested."
    assert found.evidence == "openvino: f32 requested, on Some <CPU>"


def test_answers_and_accuracy_below_pytorch() -> None:
    checks = {"a": healthy("a", agreement=0.998) | {"accuracy": 0.98}, "null": healthy("null", agreement=0.1)}
    found = found_in(measured("a", 1, 1), health=checks)
    assert found["answers"].evidence == "same answers: a 99.80 %"
    assert found["accuracy"].evidence == "a 98.00 %; PyTorch 99.10 %, on the same 1,000 samples"
    part = {"a": checks["a"] | {"samples": 128}}
    assert "accuracy" not in found_in(measured("a", 1, 1), health=part)


def test_points_that_are_not_stable_are_counted() -> None:
    found = found_in(unstable("a", 1, 10), measured("a", 65, 10), failed("b", 1, "no"))["not_stable"]
    assert found.text.startswith("2 of 3 points are not stable")
    assert found.evidence == "a at concurrency 1 over gRPC: unstable; b at concurrency 1 over gRPC: failed"


def test_evidence_names_a_few_points() -> None:
    found = found_in(*(failed("a", concurrency, "no") for concurrency in range(1, 8)))["not_stable"]
    assert found.evidence.endswith("a at concurrency 4 over gRPC: failed; and 3 more")


def test_client_bound_points() -> None:
    found = found_in(measured("a", 1, 10, status="client_bound", reason="slow client"))["client_bound"]
    assert found.text.endswith("at 1 of 1 points.")
    assert "slow client" in found.evidence


@pytest.mark.parametrize(("queue", "said"), [(3900.0, False), (4100.0, True)])
def test_long_queue(queue: float, said: bool) -> None:
    found = found_in(measured("a", 1, 100, server_queue=queue))
    assert ("queue" in found) == said
    if said:
        assert found["queue"].text.endswith("in the server's queue: a 41 %.")
        assert found["queue"].evidence == "a: 4.10 of 10.0 ms, effective batch 16 of 64; at concurrency 1 over gRPC"


def test_time_outside_the_server() -> None:
    found = found_in(*(measured(name, 1, 100, server_queue=0.0) for name in ("a", "ensemble")), measured("b", 1, 100))
    assert found["outside"].text == "Most of the latency arises outside the server: a 50 %."


@pytest.mark.parametrize(("concurrency", "batch", "said"), [(65, 23.0, True), (65, 40.0, False), (16, 12.0, False)])
def test_batches_far_below_opt(concurrency: int, batch: float, said: bool) -> None:
    assert ("batching" in found_in(measured("a", concurrency, 100, effective_batch=batch))) == said


@pytest.mark.parametrize(
    ("model", "rule", "others"),
    [(400.0, "server_limits", "80 %"), (50.0, "model_limits", "33 %"), (100.0, "server_limits", "50 %")],
)
def test_what_limits_it_is_what_costs_more_of_the_bound(model: float, rule: str, others: str) -> None:
    found = found_in(measured("a", 1, 20), measured("null", 1, 100), in_process={"a": model})
    assert {"server_limits", "model_limits"} & set(found) == {rule}
    bound = 1 / (1 / 100 + 1 / model)
    assert found[rule].text.endswith(f"; a reaches {100 * 20 / bound:.0f} % of it.")
    assert found[rule].evidence.endswith(f"at concurrency 1 over gRPC: a {bound:.0f} ({others})")


@pytest.mark.parametrize(("throughput", "said"), [(39, True), (41, False)])
def test_less_than_half_of_the_bound(throughput: int, said: bool) -> None:
    found = found_in(measured("a", 1, throughput), measured("null", 1, 100), in_process={"a": 400.0})
    assert ("below_bound" in found) == said


def test_without_ceiling_or_model_there_is_no_bound() -> None:
    rules = {"server_limits", "model_limits", "below_bound"}
    assert not rules & set(found_in(measured("a", 1, 100), in_process={"a": 400.0}))
    assert not rules & set(found_in(measured("a", 1, 100), measured("null", 1, 200)))


def test_findings_do_not_start_alike() -> None:
    repeats = [
        measured("fast", 65, 40, effective_batch=2.0),
        measured("bls", 65, 90, server_queue=9e5),
        *(measured(name, 65, served) for name, served in (("pytriton_engine", 20), ("ensemble", 30), ("null", 100))),
    ]
    turns = rounds({"fast": 40, "bls": 90, "pytriton_engine": 20, "ensemble": 30, "null": 100})
    limits = {"fast": 400.0, "bls": 20.0}
    found = found_in(*repeats, failed("b", 1, "no"), in_process=limits, engines=[engine("bf16")], turns=turns)
    assert {"pytriton", "pipelines"} <= set(found)
    starts = [one.text[:12] for one in found.values()]
    assert len(starts) > 5
    assert len(set(starts)) == len(starts)


def test_pytriton_and_pipelines_against_the_engine_that_they_use() -> None:
    served = {"fast": 100, "pytriton_engine": 50, "bls": 80, "ensemble": 100}
    found = found_in(*(measured(name, 65, one) for name, one in served.items()), turns=rounds(served, seed=1))
    assert found["pytriton"].text.startswith("Behind PyTriton the engine of fast serves 0.5")
    # No difference of the ensemble is shown, so nothing is said of it.
    assert found["pipelines"].text.startswith("With preparing and interpreting in the server, bls serves 0.80× [0.")
    assert "ensemble" not in found["pipelines"].text


def test_past_the_peak() -> None:
    found = found_in(*thrice("a", 1, 10), *thrice("a", 16, 100), *thrice("a", 65, 80))["falling"]
    assert found.text == "a serves less at the highest concurrency than below it."
    assert found.evidence == "a: 100 infer/s at concurrency 16 over gRPC, 80 at concurrency 65 over gRPC"
    assert "falling" not in found_in(*thrice("a", 16, 100), *thrice("a", 65, 99.5))
    # Measured once, a figure says nothing of that.
    assert "falling" not in found_in(measured("a", 16, 100), measured("a", 65, 80))


def test_percentiles_from_few_requests() -> None:
    found = found_in(measured("a", 1, 10, requests=2000), measured("a", 16, 10, requests=300_000))["indicative"]
    assert found.text == "Too few requests make p99 an indication at 1 of 2 points."
    assert found.evidence == "2,000 to 2,000 requests per repeat; MLPerf asks for 270,336"


def test_doubts_come_before_insights() -> None:
    found = found_in(failed("a", 1, "no"), measured("b", 1, 100, server_queue=9000.0), engines=[engine("bf16")])
    assert list(found)[:3] == ["precision", "not_stable", "queue"]
