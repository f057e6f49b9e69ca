"""The variant `bls`, which makes one inner request of a whole batch, against the same model asking one by one.

The second form is the demo's. `make benchmark` builds what it needs.
"""

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from interleaved import arguments, compare, variant

from plan.configured import configured
from program import cli

ONE_BY_ONE = Path(__file__).parent / "bls_one_by_one.py"


def main(options: argparse.Namespace) -> None:
    config = configured(options.configfile)
    inner = config["serving"]["inner"]
    with tempfile.TemporaryDirectory() as directory:
        batched = variant(config, "bls", "reference_raw.npz")
        repository = Path(directory) / "repository"
        shutil.copytree(batched.repository, repository)
        shutil.copy(ONE_BY_ONE, repository / batched.model / "1" / "model.py")
        contestants = {
            "one by one": replace(batched, repository=repository),
            "bls": batched,
            inner: variant(config, inner),
        }
        compare(contestants, "one by one", options)


if __name__ == "__main__":
    cli.run(main, arguments(__doc__, "bls_batched", [64]))
