"""HiFi-GAN's generator: its structure, the weights that it loads, its example inputs."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from conftest import TRAIN
from models import hifigan


# The paper's table 1 has 13.92 M, 0.92 M and 1.46 M.
@pytest.mark.parametrize(("generator", "parameters"), [("v1", 13_926_017), ("v2", 925_985), ("v3", 1_462_273)])
def test_parameters_are_those_of_the_paper(generator, parameters):
    assert sum(one.numel() for one in hifigan.build(generator).parameters()) == parameters


@pytest.mark.parametrize("generator", ["v1", "v2", "v3"])
@pytest.mark.parametrize("frames", [1, 7, 40])
def test_a_frame_becomes_256_samples(generator, frames):
    with torch.inference_mode():
        audio = hifigan.build(generator).eval()(torch.randn(2, 80, frames))
    assert audio.shape == (2, 1, 256 * frames)
    assert audio.abs().max() <= 1


def test_v3_has_the_names_of_the_published_weights():
    names = set(hifigan.build("v3").state_dict())
    assert {"conv_pre.weight", "ups.2.bias", "resblocks.8.convs.1.weight", "conv_post.bias"} <= names
    assert not any("resblocks.9" in name for name in names)


def test_v1_has_the_names_of_the_published_weights():
    names = set(hifigan.build("v1").state_dict())
    assert {"ups.3.weight", "resblocks.11.convs1.2.weight", "resblocks.11.convs2.2.bias"} <= names


def test_without_residual_blocks_it_is_the_paper_by_hand():
    """With residual weights of nothing a generator is its upsampling alone, which can be written down again."""
    from torch.nn import functional

    module = hifigan.build("v3").eval()
    for weight in module.resblocks.parameters():
        nn.init.zeros_(weight)
    spec = torch.randn(1, 80, 9)
    with torch.inference_mode():
        x = functional.conv1d(spec, module.conv_pre.weight, module.conv_pre.bias, padding=3)
        for up, (factor, padding) in zip(module.ups, [(8, 4), (8, 4), (4, 2)]):
            x = functional.leaky_relu(x, 0.1)
            x = functional.conv_transpose1d(x, up.weight, up.bias, stride=factor, padding=padding)
        x = functional.conv1d(functional.leaky_relu(x, 0.01), module.conv_post.weight, module.conv_post.bias, padding=3)
        torch.testing.assert_close(module(spec), x.tanh())


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm])
@pytest.mark.parametrize("generator", ["v1", "v3"])
@pytest.mark.filterwarnings("ignore:.*weight_norm")
def test_weight_norm_is_folded(generator, norm, wrapped):
    trained = hifigan.build(generator).eval()
    for layer in [one for one in trained.modules() if isinstance(one, nn.Conv1d | nn.ConvTranspose1d)]:
        norm(layer)
        length = layer.weight_g if norm is nn.utils.weight_norm else layer.parametrizations.weight.original0
        length.data *= 1.5  # training moves the lengths away from those of the directions
    weights = trained.state_dict()
    served = hifigan.build(generator).eval()
    served.load_state_dict({"generator": weights} if wrapped else weights)
    assert not any("_g" in name or "original" in name for name in served.state_dict())
    spec = torch.randn(1, 80, 5)
    with torch.inference_mode():
        torch.testing.assert_close(served(spec), trained(spec))


def published_layout() -> dict[str, tuple[int, ...]]:
    """Names and shapes in a published file of the generator V2, written down without this project's module."""
    layers = {"conv_pre": (128, 80, 7), "conv_post": (1, 8, 7)}
    for place, (channels, kernel) in enumerate([(128, 16), (64, 16), (32, 4), (16, 4)]):
        layers[f"ups.{place}"] = (channels, channels // 2, kernel)
        for block, width in enumerate([3, 7, 11], 3 * place):
            for part in ("convs1", "convs2"):
                for step in range(3):
                    layers[f"resblocks.{block}.{part}.{step}"] = (channels // 2, channels // 2, width)
    layout: dict[str, tuple[int, ...]] = {}
    for name, shape in layers.items():
        outputs = shape[1] if name.startswith("ups") else shape[0]
        layout |= {f"{name}.bias": (outputs,), f"{name}.weight_g": (shape[0], 1, 1), f"{name}.weight_v": shape}
    return layout


@pytest.mark.slow
def test_a_published_file_is_taken_as_it_is(script, tmp_path):
    """By the rule's own script, as `model.weights` names it."""
    generator = torch.Generator().manual_seed(3)
    given = {name: torch.randn(shape, generator=generator) for name, shape in published_layout().items()}
    torch.save({"generator": given}, tmp_path / "generator_v2")
    found = script(
        "train.py", "--model-file", hifigan.__file__, "--weights", "generator_v2",
        "--model", "model.pt", "--metrics", "metrics.json",
        settings=TRAIN | {"arguments": {"generator": "v2"}},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert json.loads((tmp_path / "metrics.json").read_text())["weights"] == "as given"
    stored = torch.load(tmp_path / "model.pt", weights_only=True)["state_dict"]
    for layer in ("conv_pre", "ups.3", "resblocks.11.convs2.2", "conv_post"):
        g, v = given[f"{layer}.weight_g"], given[f"{layer}.weight_v"]
        lengths = v.flatten(1).pow(2).sum(1).sqrt()[:, None, None]
        torch.testing.assert_close(stored[f"{layer}.weight"], g * v / lengths)
        torch.testing.assert_close(stored[f"{layer}.bias"], given[f"{layer}.bias"])


@pytest.mark.slow
def test_a_published_file_of_another_generator_is_one_line(script, tmp_path):
    torch.save({"generator": {name: torch.zeros(shape) for name, shape in published_layout().items()}}, tmp_path / "g")
    found = script(
        "train.py", "--model-file", hifigan.__file__, "--weights", "g", "--model", "model.pt", "--metrics", "m.json",
        settings=TRAIN | {"arguments": {"generator": "v1"}},
    )  # fmt: skip
    assert found.returncode == 2
    assert found.stderr.startswith("train.py: error: model.weights: g does not fit the model"), found.stderr
    assert not (tmp_path / "model.pt").exists()


def test_weights_of_another_generator_are_refused():
    with pytest.raises(RuntimeError, match=r"size mismatch|Missing key"):
        hifigan.build("v3").load_state_dict(hifigan.build("v1").state_dict())


def test_unknown_generator():
    with pytest.raises(ValueError, match=r"no generator 'v4'; there are v1, v2, v3"):
        hifigan.build("v4")


def test_example_is_in_the_range_of_speech():
    (spec,) = hifigan.example({"spec": [3, 80, 41]}, np.random.default_rng(1)).values()
    assert (spec.dtype, spec.shape) == (np.float32, (3, 80, 41))
    assert spec.min() >= np.float32(np.log(1e-5))
    assert spec.max() <= 2
    assert spec.std() > 1
    assert not np.array_equal(spec[0], spec[1])
    np.testing.assert_array_equal(spec, hifigan.example({"spec": [3, 80, 41]}, np.random.default_rng(1))["spec"])


def test_real_time_factor():
    """100 spectrograms of 441 frames are 512 seconds of speech."""
    assert hifigan.metrics({"spec": [80, 441]}, 100) == {"real_time_factor": pytest.approx(512)}
