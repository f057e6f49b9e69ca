"""OpenVINO on CPU, from a blob compiled ahead of time."""

import openvino


def load(directory, config, threads):
    """Return a function from the list of input arrays to the list of output arrays."""
    blob = (directory / "model.blob").read_bytes()
    properties = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    request = openvino.Core().import_model(blob, "CPU", properties).create_infer_request()
    inputs = [tensor["name"] for tensor in config["input"]]
    outputs = [tensor["name"] for tensor in config["output"]]

    def infer(batch):
        result = request.infer(dict(zip(inputs, batch)), share_inputs=True, share_outputs=True)
        return [result[name] for name in outputs]

    return infer
