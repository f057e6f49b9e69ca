"""Runtime for the last step of the ensemble: the model file's `interpret` turns the outputs into answers."""

import processing


def load(directory, config, threads, device):
    outputs = [tensor["name"] for tensor in config["output"]]

    def infer(batch):
        answer = processing.interpret(*batch)
        return [answer[name] for name in outputs]

    return infer
