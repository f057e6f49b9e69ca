"""Every command of README and docs runs as it is written, in a clean shell, on the small run; or this says why not."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import DEFAULT, FULL, ROOT, Project, merged
from processes import Foreground

PAGES = [
    "README.md",
    "config/README.md",
    "profiles/README.md",
    *sorted(f"docs/{one.name}" for one in ROOT.glob("docs/*.md")),
]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:\$ )?((?:make|export|curl|tritonserver|\.venv/bin/\S+) .*)")
READY = "Ctrl-C stops it."
CANNOT = {
    "make test": "it is this",
    "make perf_report CONFIG=config/mnist.yaml": "downloads the official digits",
    ".venv/bin/snakemake --cores 4 perf_report --configfile config/mnist.yaml mine.yaml": "downloads them too",
    "make perf_report CONFIG=config/precision.yaml": "takes minutes; test_precision.py makes its parts and plans it",
    "make perf_report CONFIG=config/hifigan.yaml": "takes a quarter of an hour; test_hifigan.py makes its parts",
    "make tune CONFIG=config/hifigan.yaml": "needs that run; test_tune.py",
    "make new MODEL=tiny.py": "test_docs.py writes the model file first",
    "make perf_report CONFIG=tiny.yaml": "test_docs.py plans it",
    "make sync": "installs",
    "make deploy": "test_deploy.py",
    "make tune": "test_tune.py",
    "make tune CONFIG=my.yaml": "test_tune.py",
    ".venv/bin/snakemake perf_report --profile profiles/slurm": "test_slurm.py, on a cluster",
    ".venv/bin/snakemake perf_report --profile profiles/slurm --default-storage-provider fs --default-storage-prefix "
    "/shared/results --local-storage-prefix /scratch/copies --shared-fs-usage input-output persistence "
    "software-deployment sources source-cache": "test_storage.py, without a cluster",
    "make perf_report CONFIG=config/gpu.yaml": "needs a GPU",
    "make benchmark CONFIG=config/gpu.yaml": "needs a GPU",
    "make serve VARIANT=aotinductor CONFIG=config/gpu.yaml": "needs a GPU",
    ".venv/bin/snakemake --cores 4 perf_report --configfile config/gpu_native.yaml --sdm conda apptainer "
    "--apptainer-args --nv": "needs a GPU and Apptainer",
    'export LD_LIBRARY_PATH="<what the log says>:$LD_LIBRARY_PATH"': "needs a full Triton",
    "tritonserver --model-repository=models --backend-directory=artifacts/backends": "needs a full Triton",
    "tritonserver --model-repository artifacts/mnist/repository/openvino --http-address 127.0.0.1 "
    "--grpc-address 127.0.0.1 --metrics-address 127.0.0.1": "needs a full Triton",
    "tritonserver --model-repository artifacts/mnist/repository/onnx --model-control-mode explicit": "a full Triton",
    ".venv/bin/snakemake --cores 4 tune --configfile remote.yaml": "test_launch.py, with a server elsewhere",
    "export SNAKEMAKE_OUTPUT_CACHE=/shared/triton-endpoints-cache": "test_cache.py, with a directory that exists",
    ".venv/bin/snakemake --cores 4 perf_report --cache": "test_cache.py",
}


def commands(page: str) -> list[list[str]]:
    """The commands of each block of a page, in order, without comments."""
    # docs/your-model.md has a test of its own, which follows it from its first line to its last.
    text = "" if page == "docs/your-model.md" else (ROOT / page).read_text()
    blocks = [block.replace("\\\n", "") for language, block in BLOCK.findall(text) if language in ("", "sh")]
    found = [[match[1] for line in block.splitlines() if (match := COMMAND.fullmatch(line))] for block in blocks]
    return [[re.sub(r"  +", " ", re.sub(r"\s+# .*", "", one)).strip() for one in block] for block in found if block]


def runs(command: str) -> bool:
    return command not in CANNOT


def test_what_cannot_run_here_is_in_the_docs():
    written = {command for page in PAGES for block in commands(page) for command in block}
    assert CANNOT.keys() - written == set()


@pytest.fixture(scope="module")
def clone(finished_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run as that of the default configuration, with its environment; `mnist` in the docs is its name."""
    root = shutil.copytree(finished_run.root, tmp_path_factory.mktemp("docs") / "clone")
    overlay = yaml.safe_load((ROOT / FULL).read_text())
    (root / "config" / "config.yaml").write_text(yaml.safe_dump(merged(DEFAULT, overlay), sort_keys=False))
    (root / "artifacts" / "mnist").symlink_to("test")
    (root / ".venv").symlink_to(sys.prefix)
    return root


@pytest.fixture(scope="module")
def shell(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a clean shell."""
    system = ":".join(one for one in os.environ["PATH"].split(":") if Path(one) != Path(sys.prefix) / "bin")
    # The environment is as it is: nothing installs.
    make = tmp_path_factory.mktemp("clean_shell") / "make"
    make.write_text(f'#!/bin/sh\nexec {shutil.which("make")} -o .venv/.main -o .venv/.dev "$@"\n')
    make.chmod(0o755)
    return {"PATH": f"{make.parent}:{system}", "HOME": str(clone)}


def run(block: list[str], clone: Path, shell: dict[str, str]) -> str:
    """What the commands of a block print, one after the other in one shell."""
    script = "\n".join(["set -e", *block])
    found = subprocess.run(["bash", "-c", script], cwd=clone, env=shell, capture_output=True, text=True, check=False)
    assert found.returncode == 0, script + found.stdout + found.stderr
    return found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", ["make serve VARIANT=openvino", "make serve VARIANT=all", "make demo"])
def test_servers_start_and_stop(clone, shell, command):
    assert any(command in block for block in commands("docs/serving.md"))
    with Foreground(["env", "-i", *(f"{name}={value}" for name, value in shell.items()), *command.split()],
                    clone, terminal=True) as running:  # fmt: skip
        running.wait_for_output(READY)
        if command == "make demo":
            assert '"variant": "openvino"' in run(
                ["curl -s --data-binary @docs/images/seven.png http://127.0.0.1:8080/ask"], clone, shell
            )
        assert running.interrupt() == 0, running.output


def asked(variant: str) -> list[list[str]]:
    """The blocks of all pages that ask a server of this variant; those without a server ask none."""
    found = []
    for page in PAGES:
        for block in commands(page):
            left = [one for one in block if runs(one) and not one.startswith(("make serve", "make demo", "make help"))]
            own = [one for one in left if one.startswith("export") or _server(one, page) == variant]
            found += [own] if any(not one.startswith("export") for one in own) else []
    return found


def _server(command: str, page: str) -> str:
    """Which server has to run for a command: that of the page's text around it."""
    if "MnistInfer" in command:
        return "pytriton"
    guarded = "repository/index" in command and (ROOT / page).read_text().count(command) > 1
    return "openvino" if guarded or "localhost" in command or re.match("make ask|.*commands.client", command) else ""


@pytest.mark.parametrize("variant", ["openvino", pytest.param("pytriton", marks=pytest.mark.slow), ""])
def test_commands(clone, shell, variant):
    blocks = asked(variant)
    assert blocks
    if not variant:
        for block in blocks:
            run(block, clone, shell)
        return
    serve = ["env", "-i", *(f"{name}={value}" for name, value in shell.items()), "make", "serve", f"VARIANT={variant}"]
    with Foreground(serve, clone, terminal=True) as running:
        running.wait_for_output(READY)
        for block in blocks:
            assert run(block, clone, shell)
        assert running.interrupt() == 0, running.output
