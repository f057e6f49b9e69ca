"""HiFi-GAN's generator: mel spectrograms to speech (Kong, Kim and Bae 2020, arXiv:2010.05646).

Written from the paper. Parameters have the names of the published weights, so these load, with weight norm or without.
The spectrograms are the paper's: 80 bands up to 8 kHz, natural logarithm, one frame per 256 samples of audio.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import nn

SAMPLE_RATE = 22_050  # Hz
HOP = 256  # samples of audio per frame
BANDS = 80
SLOPE = 0.1  # of the leaky ReLUs; the last one keeps PyTorch's
# Logarithms of amplitudes: the lowest in the published code, and about the highest in speech.
SILENCE, LOUDEST = math.log(1e-5), 2.0
SYLLABLES = 4  # per second


class Variant(NamedTuple):
    """A column of the paper's table 5.

    channels: those of the first convolution; each upsampling halves them. upsampling: (factor, kernel) of each step.
    residual: (kernel, dilations) of the parallel residual blocks after each step. depth: convolutions per dilation.
    """

    channels: int
    upsampling: tuple[tuple[int, int], ...]
    residual: tuple[tuple[int, tuple[int, ...]], ...]
    depth: int


_STEPS = ((8, 16), (8, 16), (2, 4), (2, 4))
_WIDE = ((3, (1, 3, 5)), (7, (1, 3, 5)), (11, (1, 3, 5)))
VARIANTS = {
    "v1": Variant(512, _STEPS, _WIDE, depth=2),
    "v2": Variant(128, _STEPS, _WIDE, depth=2),
    "v3": Variant(256, ((8, 16), (8, 16), (4, 8)), ((3, (1, 2)), (5, (2, 6)), (7, (3, 12))), depth=1),
}


def build(generator: str = "v3") -> "nn.Module":
    """The generator with random weights: spec FP32 [n, 80, frames] to audio FP32 [n, 1, 256 · frames], within ±1.

    Raises ValueError if the paper has no generator of this name.
    """
    # The classes are inside this function, because programs that need only the other functions have no PyTorch.
    import torch
    from torch import nn
    from torch.nn import functional

    if generator not in VARIANTS:
        raise ValueError(f"no generator {generator!r}; there are {', '.join(VARIANTS)}")
    variant = VARIANTS[generator]

    def convolution(channels: int, kernel: int, dilation: int = 1) -> nn.Conv1d:
        return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2)

    class Residual(nn.Module):
        """Convolutions of growing dilation with a residual connection; the shape stays the same."""

        def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
            super().__init__()
            dilated = nn.ModuleList(convolution(channels, kernel, dilation) for dilation in dilations)
            self.steps: list[list[nn.Module]]
            if variant.depth == 1:
                self.convs = dilated
                self.steps = [[one] for one in dilated]
            else:
                self.convs1 = dilated
                self.convs2 = nn.ModuleList(convolution(channels, kernel) for _ in dilations)
                self.steps = [[*pair] for pair in zip(self.convs1, self.convs2)]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for step in self.steps:
                change = x
                for layer in step:
                    change = layer(functional.leaky_relu(change, SLOPE))
                x = x + change
            return x

    class Generator(nn.Module):
        """Upsampling to the audio's rate; after each step the mean of residual blocks of several widths."""

        def __init__(self) -> None:
            super().__init__()
            channels = variant.channels
            self.conv_pre = nn.Conv1d(BANDS, channels, 7, padding=3)
            self.ups = nn.ModuleList()
            self.resblocks = nn.ModuleList()
            for factor, kernel in variant.upsampling:
                self.ups.append(
                    nn.ConvTranspose1d(channels, channels // 2, kernel, factor, padding=(kernel - factor) // 2)
                )
                channels //= 2
                self.resblocks.extend(Residual(channels, *one) for one in variant.residual)
            self.conv_post = nn.Conv1d(channels, 1, 7, padding=3)
            self.register_load_state_dict_pre_hook(fold_weight_norm)

        def forward(self, spec: torch.Tensor) -> torch.Tensor:
            x = self.conv_pre(spec)
            width = len(variant.residual)
            for stage, upsample in enumerate(self.ups):
                x = upsample(functional.leaky_relu(x, SLOPE))
                blocks = self.resblocks[stage * width : (stage + 1) * width]
                x = sum((block(x) for block in blocks[1:]), blocks[0](x)) / width
            return torch.tanh(self.conv_post(functional.leaky_relu(x)))

    return Generator()


# A weight is g · v / |v|, with the names of torch.nn.utils.weight_norm or of its successor in parametrizations.
_NORMED = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)


def fold_weight_norm(_module: "nn.Module", weights: dict[str, Any], *_: object) -> None:
    """Replace weights stored as length and direction by plain weights, before they are loaded.

    Published files have all weights under the key `generator`.
    """
    weights.update(weights.pop("generator", {}))
    for length, direction in _NORMED:
        for name in [name.removesuffix(length) for name in weights if name.endswith(f".{length}")]:
            g, v = weights.pop(name + length), weights.pop(name + direction)
            weights[f"{name}weight"] = v * (g / v.norm(dim=(1, 2), keepdim=True))


def example(shapes: Mapping[str, Sequence[int]] | None, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Log-mel spectrograms in the range of speech: rising and falling syllables, fainter high bands, and noise."""
    count, bands, frames = shapes["spec"] if shapes else (1, BANDS, 140)
    seconds = np.arange(frames) * HOP / SAMPLE_RATE
    start = generator.random((count, 1, 1))
    loudness = -3 + 2 * np.sin(2 * np.pi * (SYLLABLES * seconds + start))
    tilt = np.linspace(2, -3, bands)[:, None]
    spec = loudness + tilt + generator.normal(scale=0.8, size=(count, bands, frames))
    return {"spec": spec.clip(SILENCE, LOUDEST).astype(np.float32)}


def metrics(shapes: Mapping[str, Sequence[int]], throughput: float) -> dict[str, float]:
    """real_time_factor: seconds of speech per second, at `throughput` samples per second of these shapes."""
    return {"real_time_factor": throughput * shapes["spec"][-1] * HOP / SAMPLE_RATE}
