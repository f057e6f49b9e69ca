"""One variant under several settings of its config.pbtxt, interleaved in one run: what does each gain?

A contestant is written as the settings that differ: `threads=all`, or `instances=2,queue_delay_us=500`. There are
threads, instances, queue_delay_us and preferred_batch_size (0: none).
"""

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from interleaved import arguments, compare, variant

from plan.configured import configured
from program import cli
from program.cli import UserError
from serve import modelconfig

BASE = "as configured"


def changed(config: Any, setting: str) -> None:
    """Apply one setting to a ModelConfig. Raises UserError when there is no such setting."""
    key, _, value = setting.partition("=")
    batching = config.dynamic_batching
    if key == "threads":
        config.parameters["threads"].string_value = value
    elif key == "instances":
        config.instance_group[0].count = int(value)
    elif key == "queue_delay_us":
        batching.max_queue_delay_microseconds = int(value)
    elif key == "preferred_batch_size":
        batching.preferred_batch_size[:] = [int(value)] if value != "0" else []
    else:
        raise UserError(f"{setting} is not a setting.", "see --help")


def main(options: argparse.Namespace) -> None:
    ours = variant(configured(options.configfile), options.variant)
    contestants = {BASE: ours}
    with tempfile.TemporaryDirectory() as directory:
        for number, settings in enumerate(options.settings):
            repository = Path(directory) / str(number)
            shutil.copytree(ours.repository, repository)
            file = repository / ours.model / "config.pbtxt"
            config = modelconfig.parse(file.read_text())
            for setting in settings.split(","):
                changed(config, setting)
            file.write_text(modelconfig.text(config))
            contestants[settings] = replace(ours, repository=repository)
        compare(contestants, BASE, options)


def parser() -> argparse.ArgumentParser:
    result = arguments(__doc__, "serving_settings", [1, 65])
    result.add_argument("variant", help="of the configuration")
    result.add_argument("settings", nargs="+", help="contestants beside the variant as it is")
    return result


if __name__ == "__main__":
    cli.run(main, parser())
