"""The demo's PyTriton server against our variants and the ceiling, interleaved in one run.

The demo: eager PyTorch behind PyTriton's @batch, model MnistInfer, max batch 64. `make benchmark` builds what it needs.
"""

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from interleaved import arguments, compare, variant

from program import cli
from program.files import read_json, write_json
from serving.directory import PYTRITON

DEMO_MAX_BATCH = 64


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as directory:
        ours = variant(options.run, "pytriton")
        demo = Path(directory) / "demo"
        shutil.copytree(ours.repository, demo)
        write_json(demo / PYTRITON, {**read_json(demo / PYTRITON), "max_batch_size": DEMO_MAX_BATCH})
        contestants = {"demo": replace(ours, repository=demo)}
        contestants |= {name: variant(options.run, name) for name in options.variants}
        compare(contestants, "demo", options)


def parser() -> argparse.ArgumentParser:
    result = arguments(__doc__, "pytriton_demo", [1, 65])
    default = ["openvino", "onnx", "torchscript", "pytriton_engine", "null"]
    result.add_argument("--variants", nargs="+", default=default, help="default: %(default)s")
    return result


if __name__ == "__main__":
    cli.run(main, parser())
