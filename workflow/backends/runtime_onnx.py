"""Runtime for ONNX Runtime on CPU, or on CUDA with the package onnxruntime-gpu."""

import numpy as np
import onnxruntime


def load(directory, config, threads, device):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning thread pool takes the cores that the server and other instances need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(directory / "model.onnx", options, providers=_providers(device))
    inputs = [tensor["name"] for tensor in config["input"]]
    outputs = [tensor["name"] for tensor in config["output"]]

    def infer(batch):
        return session.run(outputs, dict(zip(inputs, map(_as_text, batch))))

    return infer


def _as_text(array):
    """Strings as ONNX Runtime takes them: str, where Triton gives bytes."""
    if array.dtype != np.object_:
        return array
    return np.array([one.decode() for one in array.ravel()], np.object_).reshape(array.shape)


def _providers(device):
    """ONNX Runtime's providers for a device. Raises RuntimeError instead of falling back to the CPU."""
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise RuntimeError("this onnxruntime has no CUDA. Hint: install onnxruntime-gpu, or remove the variant onnx")
    return [("CUDAExecutionProvider", {"device_id": device.removeprefix("cuda:")})]
