"""What a model is made of: changes of files beside the model file or the graph plan what follows from them again."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import Project
from zoo_runs import lay_out
from zoo_table import kinds

KINDS = kinds()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "made", "changed"),
    [
        ("external_data", "export/model.onnx", "weights of the graph"),
        ("siblings", "model/model.pt", "network/layers.py"),
        ("torchscript_start", "model/model.pt", "saved.ts"),
    ],
)
def test_change_beside_the_model_plans_it_again(project: Project, tmp_path: Path, name: str, made: str, changed: str):
    config = lay_out(name, KINDS[name], tmp_path)
    for key in ("file", "onnx"):
        config["model"][key] = config["model"][key] and str(tmp_path / config["model"][key])
    config["model"]["files"] = [str(tmp_path / one) for one in config["model"]["files"]]
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(config))
    target = f"artifacts/{name}/{made}"
    project.snakemake("--cores", "2", target, configfiles=(overlay,))
    assert project.planned(target, configfiles=(overlay,)) == set()
    if changed.endswith(".py"):
        with (tmp_path / changed).open("a") as stream:
            stream.write("# changed\n")
    elif changed == "saved.ts":
        (tmp_path / changed).write_bytes((tmp_path / changed).read_bytes() + b" ")
    else:
        (weights,) = (path for path in tmp_path.iterdir() if path.stat().st_size == 64 * 64 * 4)
        weights.write_bytes(np.ones((64, 64), np.float32).tobytes())
    assert made in project.planned(target, configfiles=(overlay,))
