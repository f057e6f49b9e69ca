"""One run of Model Analyzer: what it starts, its progress, its checkpoints, and what it does not say by its exit code.

Model Analyzer starts a Triton server for every configuration and a perf_analyzer for every measurement, each in a
session of its own. Both are reached through wrappers that set their libraries and let the kernel end them with it.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from plan.settings.tune import Sent
from program.cli import UserError, log
from program.files import sha256
from program.process import GOES_ON, adopt_orphans, child, ended
from serve import install

HINT = "make tune installs it; tune.model_analyzer of the config says where it is"
RESULTS = Path("results/metrics-model-inference.csv")
# The columns of results.csv, in Model Analyzer's names of them.
FIELDS = [
    *("model_name", "model_config_path", "batch_size", "concurrency", "instance_group", "max_batch_size"),
    *("perf_throughput", "perf_latency_avg", "perf_latency_p90", "perf_latency_p95", "perf_latency_p99"),
    *("perf_server_queue", "perf_server_compute_infer"),
]
_ATTEMPT = re.compile(r"Profiling (?P<config>\S+): .*?concurrency=(?P<concurrency>\d+)")
_KNOWN = "Existing measurement found"
_NOT_LOADED = re.compile(r"Model (?P<config>\S+) load failed: (?P<why>.*)|Model readiness failed")


def version(binary: Path) -> str:
    """The version of Model Analyzer. Raises UserError when it is not there or does not start."""
    python = binary.parent / "python"
    question = "from importlib.metadata import version; print(version('triton-model-analyzer'))"
    try:
        found = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(f"Model Analyzer is not at {binary}.", HINT) from error
    if found.returncode != 0 or not binary.exists():
        raise UserError(f"{binary} is not Model Analyzer.", HINT)
    return found.stdout.strip()


def wrapper(path: Path, binary: Path, env: Mapping[str, str]) -> Path:
    """Write a program that runs `binary` in `env` and ends with the process that started it.

    Raises UserError without setpriv, which belongs to util-linux.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise UserError("setpriv is missing.", "install util-linux")
    changes = {name: value for name, value in env.items() if os.environ.get(name) != value}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in changes.items()]
    command = f'exec {setpriv} --pdeathsig TERM {shlex.quote(str(binary))} "$@"'
    path.write_text("\n".join(["#!/bin/sh", *exports, command]) + "\n")
    path.chmod(0o755)
    return path


def configuration(directory: Path, model: str, profile: Mapping[str, Any], windows: Sent) -> dict[str, Any]:
    """Model Analyzer's configuration, run in `directory`, but for its server (`tuning.launch`).

    `profile`: the entry of the model.
    perf_analyzer's arguments are part of the checkpoint's keys: they hold no path or port of one run. The metrics of
    GPUs are therefore collected by Model Analyzer itself.
    """
    directory = directory.resolve()
    (directory / "perf_analyzer.d").mkdir()
    analyzer, env = install.perf_analyzer(directory / "perf_analyzer.d")
    return {
        "model_repository": str(directory / "models"),
        "output_model_repository_path": str(directory / "configs"),
        "override_output_model_repository": True,
        "export_path": str(directory),
        "perf_analyzer_path": str(wrapper(directory / "perf_analyzer", analyzer, env)),
        "perf_analyzer_cpu_util": 1e6,
        "perf_analyzer_max_auto_adjusts": 5,
        "perf_analyzer_flags": {
            "input-data": "samples.json",
            "measurement-mode": "time_windows",
            "measurement-interval": str(windows.window_ms),
            "stability-percentage": str(windows.stability_percent),
            "max-trials": str(windows.max_windows),
            "collect-metrics": "false",
            "metrics-url": "",
            "metrics-interval": "",
        },
        "client_protocol": windows.protocol,
        "inference_output_fields": FIELDS,
        "skip_detailed_reports": True,
        "profile_models": {model: dict(profile)},
    }


def checkpoints(root: Path, parts: Mapping[str, Any], repository: Path) -> Path:
    """The directory of the checkpoints of one search, named by all that decides its figures; others are removed.

    `parts`: settings and versions, as JSON takes them.
    """
    content = {str(path.relative_to(repository)): sha256(path) for path in _files(repository)}
    text = json.dumps({"parts": parts, "repository": content}, sort_keys=True)
    chosen = root / hashlib.sha256(text.encode()).hexdigest()[:16]
    for other in root.glob("*"):
        if other != chosen:
            shutil.rmtree(other)
    chosen.mkdir(parents=True, exist_ok=True)
    for checkpoint in chosen.glob("*.ckpt"):
        if not _readable(checkpoint):
            log.warning("checkpoint %s was cut off while it was written: it is not used", checkpoint)
            checkpoint.unlink()
    return chosen


def profile(binary: Path, config: Mapping[str, Any], directory: Path, output: Path) -> Generator[str, None, None]:
    """Run Model Analyzer in `directory`; yields a line for every measurement that it begins or finds in a checkpoint.

    `output` receives its log. Raises UserError when it ends with an error.
    """
    (directory / "model_analyzer.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))
    command: list[str | Path] = [binary.absolute(), "profile", "--config-file", "model_analyzer.yaml"]
    with output.open("wb") as stream, _no_survivors(), child(command, stream, cwd=directory) as process:
        for line in _follow(output, process):
            log.debug("%s", line)
            if _ATTEMPT.search(line) or _KNOWN in line:
                yield line.removeprefix("[Model Analyzer] ")
    if process.returncode < 0:
        raise UserError(f"Model Analyzer {ended(process.returncode)}.", f"see {output}; {GOES_ON}")
    if process.returncode != 0 or not (directory / RESULTS).exists():
        *_, last = ["it says nothing", *filter(None, map(str.strip, output.read_text(errors="replace").splitlines()))]
        raise UserError(f"Model Analyzer {ended(process.returncode)}: {last.rstrip('.')}.", f"see {output}")


def failures(text: str, measured: set[tuple[str, int]]) -> list[str]:
    """The measurements that Model Analyzer's log `text` begins and its results do not have, in words.

    `measured`: name of the configuration and concurrency of every row of the results.
    """
    attempts = [(found["config"], int(found["concurrency"])) for found in _ATTEMPT.finditer(text)]
    missing = [
        f"{config} at concurrency {level}"
        for config, level in dict.fromkeys(attempts)
        if (config, level) not in measured
    ]
    return missing + [found[0] for found in _NOT_LOADED.finditer(text)]


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _readable(checkpoint: Path) -> bool:
    try:
        json.loads(checkpoint.read_text())
    except ValueError:
        return False
    return True


def _follow(path: Path, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The lines of a file that a process writes, until it has ended."""
    with path.open(errors="replace") as stream:
        rest = ""
        while True:
            ended = process.poll() is not None
            *lines, rest = (rest + stream.read()).split("\n")
            yield from lines
            if ended:
                return
            time.sleep(0.2)


@contextmanager
def _no_survivors() -> Iterator[None]:
    """Wait for what Model Analyzer leaves behind when it is stopped: its server, which the kernel told to end."""
    adopt_orphans()
    try:
        yield
    finally:
        left = psutil.Process().children(recursive=True)
        for one in psutil.wait_procs(left, timeout=7)[1]:
            one.send_signal(signal.SIGKILL)
