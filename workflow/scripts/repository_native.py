"""Rule repository_native: a repository of one model that Triton's own backend serves: tensorrt, onnxruntime or pytorch.

It loads in a full Triton, not in the bundled one.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model import shapes
from program import cli
from program.cli import UserError, log
from program.files import read_json, whole_directory
from serve import modelconfig
from serve import repository as repositories


def check_profiles(record: Mapping[str, Any], profile: Mapping[str, shapes.Shapes]) -> None:
    """Raises UserError when no profile of the engine, as engine.json reports it, admits the largest shape served."""
    served = shapes.batch(profile["max"])
    admitted = max(shapes.batch(one["max"]) for one in record["profiles"])
    hint = "build it anew for profile.max, or lower that"
    if admitted < served:
        raise UserError(f"{record['file']} admits batches of up to {admitted}, and {served} are to be served.", hint)
    if not any(_admits(one["max"], profile["max"]) for one in record["profiles"]):
        raise UserError(f"{record['file']} admits no {shapes.format(profile['max'])}.", hint)


def _admits(high: shapes.Shapes, served: shapes.Shapes) -> bool:
    return all(size <= most for name, dims in served.items() for size, most in zip(dims, high[name]))


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    profile = {bound: shapes.parse(text) for bound, text in settings["profile"].items()}
    profiles = 0
    if options.record:
        record = read_json(options.record)
        check_profiles(record, profile)
        profiles = len(record["profiles"])
    config = modelconfig.native_model(
        settings["name"], settings["backend"], settings["model"], profile, settings["serving"], profiles
    )
    with whole_directory(options.repository) as temporary:
        repositories.add_model(temporary, config, {settings["file"]: options.artifact})
    log.info("repository of %s, backend %s, max batch %d", config.name, config.backend, config.max_batch_size)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result, '{"name": …, "backend": …, "file": …, "model": inputs and outputs, "profile": profile, "serving": …}'
    )
    result.add_argument("--artifact", type=Path, required=True, help="the exported model or engine")
    result.add_argument("--record", type=Path, help="engine.json of an engine with profiles")
    result.add_argument("--repository", type=Path, required=True, help="output: directory")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
