"""Runtime for the first step of the ensemble: the model file's `prepare` turns raw samples into inputs."""

import processing


def load(directory, config, threads, device):
    outputs = [tensor["name"] for tensor in config["output"]]

    def infer(batch):
        inputs = processing.prepare(*batch)
        return [inputs[name] for name in outputs]

    return infer
