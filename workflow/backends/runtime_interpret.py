"""The last step of the ensemble: the model's outputs to an answer, by the model file."""

import processing


def load(directory, config, threads, device):
    """Return a function from the list of the model's outputs to the list of answers."""
    outputs = [tensor["name"] for tensor in config["output"]]

    def infer(batch):
        answer = processing.interpret(*batch)
        return [answer[name] for name in outputs]

    return infer
