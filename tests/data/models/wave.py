"""A model with an axis that varies in its input [n, 6, frames], and is four times as long in its output."""


def build(channels=5):
    from torch import nn

    return nn.Sequential(
        nn.Conv1d(6, channels, 3, padding=1), nn.Tanh(), nn.ConvTranspose1d(channels, 1, 8, stride=4, padding=2)
    )


def metrics(shapes, throughput):
    return {"real_time_factor": shapes["spec"][-1] * throughput / 100}
