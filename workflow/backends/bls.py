"""The model of the variant `bls`: it takes raw samples, calls the inner model and returns answers.

All requests of one `execute` become one request to the inner model. A sample arrives as an array or as the bytes of a
file. A sample that cannot be read fails only its own request. `processing` is the model file.
"""

import json

import numpy as np
import processing
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Prepares the samples, calls the inner model through BLS and interprets its outputs."""

    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.raw, self.encoded = (tensor["name"] for tensor in config["input"])
        self.dims = [int(size) for size in config["input"][0]["dims"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]
        self.inner = config["parameters"]["inner"]["string_value"]
        self.inner_outputs = json.loads(config["parameters"]["inner_outputs"]["string_value"])

    def execute(self, requests):
        samples = [self._samples(request) for request in requests]
        good = [found for found in samples if not isinstance(found, pb_utils.TritonError)]
        answers = self._answers(np.concatenate(good)) if good else None
        responses, start = [], 0
        for found in samples:
            error = found if isinstance(found, pb_utils.TritonError) else answers
            if isinstance(error, pb_utils.TritonError):
                responses.append(pb_utils.InferenceResponse(error=error))
                continue
            part = slice(start, start + len(found))
            start += len(found)
            responses.append(
                pb_utils.InferenceResponse([pb_utils.Tensor(name, answers[name][part]) for name in self.outputs])
            )
        return responses

    def _samples(self, request):
        """The samples of one request [n, …], or a TritonError as its answer."""
        raw = pb_utils.get_input_tensor_by_name(request, self.raw)
        encoded = pb_utils.get_input_tensor_by_name(request, self.encoded)
        if (raw is None) == (encoded is None):
            return pb_utils.TritonError(f"give one of the inputs {self.raw} and {self.encoded}")
        if raw is not None:
            return raw.as_numpy()
        # One after another: an instance decodes no two files at once.
        try:
            samples = np.stack([processing.decode(data) for data in encoded.as_numpy().ravel()])
        except Exception as error:  # of any decoder: the requests beside it must not see it
            return pb_utils.TritonError(f"{self.encoded}: {error}")
        if len(samples.shape) != len(self.dims) + 1 or any(
            size not in (-1, given) for size, given in zip(self.dims, samples.shape[1:])
        ):
            return pb_utils.TritonError(f"{self.encoded}: a sample of shape {list(samples.shape[1:])}")
        return samples

    def _answers(self, samples):
        """The answers to samples [n, …] by name, or the inner model's error as a TritonError."""
        inputs = processing.prepare(samples)
        response = pb_utils.InferenceRequest(
            model_name=self.inner,
            requested_output_names=self.inner_outputs,
            inputs=[pb_utils.Tensor(name, array) for name, array in inputs.items()],
            # Otherwise a backend on a GPU leaves its answer there.
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
        ).exec()
        if response.has_error():
            return pb_utils.TritonError(f"{self.inner}: {response.error().message()}")
        outputs = {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}
        return processing.interpret(*[outputs[name] for name in self.inner_outputs])
