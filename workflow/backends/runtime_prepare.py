"""The first step of the ensemble: raw samples to the model's inputs, by the model file."""

import processing


def load(directory, config, threads, device):
    """Return a function from the list of raw arrays to the list of the model's inputs."""
    outputs = [tensor["name"] for tensor in config["output"]]

    def infer(batch):
        inputs = processing.prepare(*batch)
        return [inputs[name] for name in outputs]

    return infer
