"""Serve a variant, or all of them, in the foreground: build what is missing, start Triton, print how to talk to it.

Ctrl-C stops it. `--all` puts every variant that a Triton repository serves into one server; the PyTriton variants are
servers of their own. Loopback only.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.reference import load
from plan import packages
from plan.config import checked
from plan.configured import PROJECT, add_overlays, configured
from plan.hardware import require_gpus
from program import cli
from program.cli import UserError, log
from program.files import write_text
from program.terminal import terminal
from record import inputs
from serve import install, server
from serve.repository import PYTRITON, together
from serve.variants import VARIANTS, in_precisions


def build(variants: Sequence[str], overlays: Sequence[Path]) -> Path:
    """Have Snakemake make the repositories that are missing or out of date; returns the directory of the run.

    Raises UserError when it fails, and before that when the configuration or this machine cannot serve the variants.
    """
    config = configured(overlays) | {"variants": list(variants)}
    checked(config, PROJECT)
    packages.use(config["model"]["requirements"], PROJECT)
    if config["serving"]["device"] == "cuda":
        require_gpus(variants, config["serving"]["gpus"])
    if config["server"] == "native":
        install.require_native()
    run = f"artifacts/{config['run']}"
    targets = [f"{run}/repository/{variant}" for variant in variants] + [f"{run}/export/reference.npz"]
    given = ["--configfile", *(str(path.resolve()) for path in overlays)] if overlays else []
    command = ["snakemake", *targets, "--cores", "all", *given]
    if subprocess.run([sys.executable, "-m", *command], cwd=PROJECT, check=False).returncode != 0:
        raise UserError(f"Snakemake could not build {', '.join(variants)}.", f"see above, or run: {' '.join(command)}")
    return Path(os.path.relpath(PROJECT / run))


def check_ports(ports: Mapping[str, int]) -> None:
    """Raises UserError for the first of some ports, by what they are for, that is taken or does not exist."""
    for name, port in ports.items():
        if not 0 < port < 2**16:
            raise UserError(f"port {port} ({name}) does not exist.", "choose another: --port 9000")
        if not server.is_free(port):
            raise UserError(
                f"port {port} ({name}) is taken.", "choose another: --port 9000; or stop what listens there"
            )


def instructions(running: server.Server, models: Sequence[str], request: Path) -> str:
    """The endpoints, and commands that work as they stand."""
    first = models[0]
    return "\n".join(
        [
            f"Triton serves {', '.join(models)}",
            f"  HTTP    http://{running.http}",
            f"  gRPC    {running.grpc}",
            f"  metrics http://{server.HOST}:{running.ports.metrics}/metrics",
            f"  log     {running.log_file}",
            "Try:",
            f"  curl -s {running.http}/v2/models/{first}/ready -w '%{{http_code}}\\n'",
            f"  curl -s {running.http}/v2/models/{first}",
            f"  curl -s {running.http}/v2/models/{first}/infer -d @{shlex.quote(str(request))}",
            f"  curl -s {running.http}/v2/models/{first}/stats",
            "Ctrl-C stops it.",
        ]
    )


def chosen(options: argparse.Namespace, config: Mapping[str, Any]) -> list[str]:
    """The variants that the command line names; of all, those that one Triton can serve."""
    if options.all:
        names = in_precisions(config["variants"], config["precisions"])
        return [name for name in names if VARIANTS[name].kind != "pytriton"]
    if options.variant is None:
        raise UserError("no variant given.", f"--all, or --variant with one of {', '.join(VARIANTS)}")
    return [options.variant]


def wait(running: server.Server, instructions: str) -> None:
    """Say how to talk to the server, then wait for Ctrl-C. Raises UserError when the server ends by itself."""
    try:
        with terminal():
            # Ctrl-C may follow them at once.
            print(instructions, flush=True)
            code = running.process.wait()
    except KeyboardInterrupt:
        log.info("stopping")
        return
    raise UserError(f"Triton ended with exit code {code}; its log ends with:\n{server.tail(running.log_file)}")


def main(options: argparse.Namespace) -> None:
    ports = server.Ports(options.port, options.port + 1, options.port + 2)
    config = configured(options.configfile)
    variants = chosen(options, config)
    check_ports(vars(ports))
    run = build(variants, options.configfile)
    repositories = [run / "repository" / variant for variant in variants]
    single = repositories[0]
    own = (single / PYTRITON).exists()
    with together([] if own else repositories) as merged:
        repository = single if own else merged
        # The variant that was asked for comes first, what it calls after it.
        models = sorted(server.models(repository), key=lambda name: not name.endswith(f"_{variants[0]}"))
        log_file = run / "logs" / "serve.server.log"
        with server.running(repository, models, log_file, ports=ports, kind=config["server"]) as running:
            request = write_request(run, variants[0], running, models[0], config["model"]["state"])
            wait(running, instructions(running, models, request))


def write_request(run: Path, variant: str, running: server.Server, model: str, state: Mapping[str, str]) -> Path:
    """A request with one sample of the test set, in the JSON that Triton's HTTP endpoint takes.

    `state`: as `model.state` of the config.
    """
    from serve.endpoint import connected

    name = "reference_raw.npz" if VARIANTS[variant].raw else "reference.npz"
    sample = load(run / "export" / name)[0].without(state).first(1)
    with connected(running, "http", model) as one:
        described = one.metadata()["inputs"]
    path = run / "serve" / f"request_{variant}.json"
    write_text(path, inputs.as_request(sample, list(described)[: len(sample.inputs)], sequence=bool(state)))
    return path


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--variant", choices=list(VARIANTS), help="what to serve")
    result.add_argument("--all", action="store_true", help="one server with all variants of the run but PyTriton's")
    add_overlays(result)
    result.add_argument("--port", type=int, default=8000, help="HTTP; gRPC and metrics follow (default: %(default)s)")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
