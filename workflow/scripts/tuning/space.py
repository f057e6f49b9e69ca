"""What is searched, in the words of Model Analyzer's configuration and of config.pbtxt.

Five modes: `manual` and `halving` take every combination of the lists in the config; `brute`, `quick` and `optuna` are
Model Analyzer's own searches, which take the lists as ranges or choices and vary less.
"""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

from plan.settings.tune import Lists, Search
from program.cli import UserError
from serve import modelconfig

Config = dict[str, Any]


def searched(config: Any, search: Lists) -> Any:
    """The ModelConfig that the search starts from: it loads with every maximum batch size of the search.

    A warm-up larger than the smallest of them is left out, and so are preferred batch sizes where the search has none.
    """
    result = type(config)()
    result.CopyFrom(config)
    smallest = min([*search.max_batch_sizes, config.max_batch_size])
    limit_batches(result, smallest)
    return result


def limit_batches(config: Any, largest: int) -> None:
    """Remove the warm-ups and preferred batch sizes of a ModelConfig that are larger than `largest`."""
    warm_ups = [one for one in config.model_warmup if one.batch_size <= largest]
    del config.model_warmup[:]
    config.model_warmup.extend(warm_ups)
    if config.HasField("dynamic_batching"):
        preferred = [size for size in config.dynamic_batching.preferred_batch_size if size <= largest]
        config.dynamic_batching.preferred_batch_size[:] = preferred


def thread_parameter(config: Any) -> str | None:
    """The parameter of a ModelConfig that sets the threads of an instance, if its backend has one."""
    return "threads" if "threads" in config.parameters else modelconfig.THREADS.get(config.backend)


def require_searchable(config: Any, search: Lists) -> None:
    """Raises UserError when the model has no dynamic batching, or no parameter for the threads that are varied."""
    if config.HasField("sequence_batching"):
        raise UserError("tune: what is searched varies dynamic batching, and model.state has none.", "make perf_report")
    if search.threads and thread_parameter(config) is None:
        raise UserError(f"tune.search.threads: {config.name} has no parameter for them.", "leave the list empty: []")


def model_profile(config: Any, settings: Search) -> Config:
    """The entry of one model under `profile_models`."""
    search, kind = settings.search, _kind(config)
    profile: Config = {"cpu_only": kind == "KIND_CPU", "parameters": {"batch_sizes": [settings.batch_size]}}
    if settings.mode in ("manual", "optuna"):
        profile["parameters"]["concurrency"] = list(search.concurrencies)
        profile["model_config_parameters"] = _choices(search, kind, thread_parameter(config))
    return profile


def ranges(settings: Search) -> Config:
    """The keys of Model Analyzer that say how it searches."""
    search, mode = settings.search, settings.mode
    if mode == "manual":
        return {"run_config_search_mode": "brute"}
    levels = _bounds("concurrency", search.concurrencies)
    if mode == "optuna":
        # Its trials take their levels from the model's entry; the sweep of the best ones, which follows, has bounds.
        return {"run_config_search_mode": mode, "optuna_max_trials": settings.max_trials, **levels}
    return {
        "run_config_search_mode": mode,
        **_bounds("instance_count", search.instances),
        **_bounds("model_batch_size", search.max_batch_sizes),
        **levels,
    }


def measurements(settings: Search) -> int | None:
    """How many measurements the search takes, the default configuration included; None where its course decides."""
    if settings.mode != "manual":
        return None
    lists = {name: len(values) or 1 for name, values in vars(settings.search).items()}
    concurrencies = lists.pop("concurrencies")
    return (prod(lists.values()) + 1) * concurrencies


def combinations(config: Any, search: Lists, default: str) -> list[Any]:
    """The ModelConfig and each combination of the lists that differs from it, under names as Model Analyzer's.

    Empty lists leave what the ModelConfig has. `default`: what the name of the first ends with.
    """
    lists = {name: values or [None] for name, values in vars(search).items() if name != "concurrencies"}
    changed = [_changed(config, **dict(zip(lists, values))) for values in product(*lists.values())]
    others = [one for one in changed if one != config]
    names = [f"{config.name}{default}", *(f"{config.name}_config_{number}" for number in range(len(others)))]
    return [_renamed(one, name) for one, name in zip([config, *others], names, strict=True)]


def described(config: Any) -> Config:
    """The settings of a ModelConfig that a search may vary, by the names of the config."""
    batching = config.dynamic_batching
    parameter = thread_parameter(config) or ""
    return {
        "instances": sum(group.count for group in config.instance_group),
        "max_batch_size": config.max_batch_size,
        "preferred_batch_size": list(batching.preferred_batch_size),
        "queue_delay_us": batching.max_queue_delay_microseconds,
        "threads": config.parameters[parameter].string_value if parameter in config.parameters else None,
    }


def tuned(config: Any, found: Any) -> Any:
    """The ModelConfig `config` with the searched settings of `found`, and all else as it was."""
    result = type(config)()
    result.CopyFrom(config)
    result.max_batch_size = found.max_batch_size
    for field in ("instance_group", "dynamic_batching"):
        result.ClearField(field)
        getattr(result, field).MergeFrom(getattr(found, field))
    parameter = thread_parameter(config) or ""
    if parameter in found.parameters:
        result.parameters[parameter].CopyFrom(found.parameters[parameter])
    limit_batches(result, result.max_batch_size)
    return result


def _changed(
    config: Any,
    instances: int | None,
    max_batch_sizes: int | None,
    preferred_batch_sizes: int | None,
    queue_delays_us: int | None,
    threads: int | None,
) -> Any:
    """A ModelConfig with one value of each list; None leaves its own."""
    result = _renamed(config, config.name)
    if instances is not None:
        result.instance_group[0].count = instances
    if max_batch_sizes is not None:
        result.max_batch_size = max_batch_sizes
    if preferred_batch_sizes is not None:
        preferred = [preferred_batch_sizes] if preferred_batch_sizes else []
        result.dynamic_batching.preferred_batch_size[:] = preferred
    if queue_delays_us is not None:
        result.dynamic_batching.max_queue_delay_microseconds = queue_delays_us
    if threads is not None:
        result.parameters[thread_parameter(config)].string_value = str(threads)
    limit_batches(result, result.max_batch_size)
    return result


def _renamed(config: Any, name: str) -> Any:
    """A copy of a ModelConfig under another name."""
    result = type(config)()
    result.CopyFrom(config)
    result.name = name
    return result


def _bounds(key: str, values: Sequence[int]) -> Config:
    """The smallest and the largest value as Model Analyzer's bounds of `key`."""
    return {f"run_config_search_min_{key}": min(values), f"run_config_search_max_{key}": max(values)}


def _choices(search: Lists, kind: str, threads: str | None) -> Config:
    """The lists of the search as `model_config_parameters`; empty ones leave the model's own setting."""
    batching: Config = {}
    if search.preferred_batch_sizes:
        batching["preferred_batch_size"] = [[size] if size else [] for size in search.preferred_batch_sizes]
    if search.queue_delays_us:
        batching["max_queue_delay_microseconds"] = list(search.queue_delays_us)
    result: Config = {}
    if search.max_batch_sizes:
        result["max_batch_size"] = list(search.max_batch_sizes)
    if search.instances:
        result["instance_group"] = [[{"kind": kind, "count": list(search.instances)}]]
    if batching:
        result["dynamic_batching"] = batching
    if search.threads:
        result["parameters"] = {threads: {"string_value": [str(count) for count in search.threads]}}
    return result


def _kind(config: Any) -> str:
    """Where the instances of a ModelConfig run: KIND_CPU, KIND_GPU, …"""
    group = config.instance_group[0]
    kind: str = group.Kind.Name(group.kind)
    return kind
