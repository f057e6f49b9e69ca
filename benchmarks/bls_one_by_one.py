"""The function of `bls` as the demo wrote it: every request of a batch calls the inner model by itself.

Takes the place of workflow/backends/bls.py in the repository that benchmarks/bls_batched.py measures.
"""

import json

import processing
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Prepares, calls the inner model, interprets, request by request."""

    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.raw = config["input"][0]["name"]
        self.outputs = [tensor["name"] for tensor in config["output"]]
        self.inner = config["parameters"]["inner"]["string_value"]
        self.inner_outputs = json.loads(config["parameters"]["inner_outputs"]["string_value"])

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        samples = pb_utils.get_input_tensor_by_name(request, self.raw).as_numpy()
        inputs = [pb_utils.Tensor(name, array) for name, array in processing.prepare(samples).items()]
        response = pb_utils.InferenceRequest(
            model_name=self.inner, requested_output_names=self.inner_outputs, inputs=inputs
        ).exec()
        if response.has_error():
            return pb_utils.InferenceResponse(error=response.error())
        outputs = {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}
        answer = processing.interpret(*[outputs[name] for name in self.inner_outputs])
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, answer[name]) for name in self.outputs])
