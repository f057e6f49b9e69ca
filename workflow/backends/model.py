"""The model that Triton's Python backend loads: each `execute` call becomes one inference.

`runtime.py` beside this file runs the model with one framework; docs/architecture.md has its contract. The shape
profile is a parameter in config.pbtxt. A request outside it is refused, never padded or cut.
"""

import json
import os
from pathlib import Path

import numpy as np
import runtime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Concatenates the requests of a dynamic batch, runs the model once and splits the result."""

    def initialize(self, args):
        config = json.loads(args["model_config"])
        parameters = {key: value["string_value"] for key, value in config["parameters"].items()}
        self.name = config["name"]
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]
        self.profile = json.loads(parameters["profile"])
        self.batching = config["max_batch_size"] > 0
        # Triton gives a model without batches no scalars, but tensors of one element.
        axes = {} if self.batching else json.loads(parameters["axes"])
        self.scalars = {name for side in axes.values() for name, dims in side.items() if not dims}
        directory = Path(args["model_repository"]) / args["model_version"]
        self.infer = runtime.load(directory, config, _threads(parameters, config), _device(args))

    def execute(self, requests):
        arrays = [[self._input(request, name) for name in self.inputs] for request in requests]
        together = [arrays] if self.batching else [[one] for one in arrays]
        return [response for requested in together for response in self._responses(requested)]

    def _responses(self, arrays):
        """The response to each request, given as its arrays; of several requests these are one batch."""
        batch = [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*arrays)]
        refusal = self._refusal(batch)
        if refusal:
            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(refusal)) for _ in arrays]
        results = self.infer(batch)
        return [
            pb_utils.InferenceResponse(
                [pb_utils.Tensor(name, self._output(name, result[rows])) for name, result in zip(self.outputs, results)]
            )
            for rows in self._rows(arrays)
        ]

    def _input(self, request, name):
        array = pb_utils.get_input_tensor_by_name(request, name).as_numpy()
        return array.reshape(()) if name in self.scalars else array

    def _output(self, name, array):
        array = np.asarray(array, order="C")
        return array.reshape(1) if name in self.scalars else array

    def _rows(self, arrays):
        """The rows of the batch that belong to each request; all, where there is no batch axis."""
        if not self.batching:
            return [...]
        ends = np.cumsum([parts[0].shape[0] for parts in arrays])
        return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends)]

    def _refusal(self, batch):
        """Why these arrays are outside the profile; empty if they are inside."""
        for name, array in zip(self.inputs, batch):
            low, high = self.profile["min"][name], self.profile["max"][name]
            if not all(a <= size <= b for a, size, b in zip(low, array.shape, high)):
                return f"{self.name}: input {name} of shape {list(array.shape)} is outside the profile {low} to {high}"
        return ""


def _device(args):
    """The device of this instance in PyTorch's notation: `cpu` or `cuda:<index>`."""
    return {"CPU": "cpu", "GPU": f"cuda:{args['model_instance_device_id']}"}[args["model_instance_kind"]]


def _threads(parameters, config):
    """Threads of one instance. The instances share `all` cores; with `auto` half, and the rest serve requests."""
    if parameters["threads"].isdigit():
        return int(parameters["threads"])
    instances = sum(group["count"] for group in config["instance_group"])
    cores = len(os.sched_getaffinity(0)) // {"all": 1, "auto": 2}[parameters["threads"]]
    return max(1, cores // instances)
