"""The demo's PyTriton server against our variants and the ceiling, interleaved in one run.

The demo: eager PyTorch behind PyTriton's @batch, model MnistInfer, max batch 64, PyTorch's own choice of threads.
`make benchmark` builds what it needs.
"""

import argparse
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from interleaved import arguments, compare, variant

from plan.configured import configured
from program import cli
from program.files import read_json, write_json
from serve.repository import PYTRITON
from serve.variants import in_precisions

DEMO = {"max_batch_size": 64, "threads": os.cpu_count()}
# The demo's own server, and what takes other inputs than it.
OTHERS = ("pytriton", "bls", "ensemble")
# Our servers let waiting threads sleep; the demo's had OpenMP as it comes.
UNTUNED = 'import os\n\nos.environ.pop("OMP_WAIT_POLICY", None)\n'


def main(options: argparse.Namespace) -> None:
    config = configured(options.configfile)
    of_run = in_precisions(config["variants"], config["precisions"])
    rivals = options.variants or [name for name in of_run if name not in OTHERS]
    with tempfile.TemporaryDirectory() as directory:
        ours = variant(config, "pytriton")
        demo = Path(directory) / "demo"
        shutil.copytree(ours.repository, demo)
        write_json(demo / PYTRITON, read_json(demo / PYTRITON) | DEMO)
        runtime = demo / "runtime.py"
        runtime.write_text(UNTUNED + runtime.read_text())
        contestants = {"demo": replace(ours, repository=demo)}
        contestants |= {name: variant(config, name) for name in rivals}
        compare(contestants, "demo", options)


def parser() -> argparse.ArgumentParser:
    result = arguments(__doc__, "pytriton_demo", [1, 65])
    result.add_argument("--variants", nargs="+", help="default: those of the configuration that take the same inputs")
    return result


if __name__ == "__main__":
    cli.run(main, parser())
