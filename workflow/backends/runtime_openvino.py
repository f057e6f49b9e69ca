"""Runtime for OpenVINO on CPU, from a blob compiled ahead of time."""

import numpy as np
import openvino

# Single requests rarely form larger batches.
WARM_UP_LIMIT = 256


def load(directory, config, threads, device):
    blob = (directory / "model.blob").read_bytes()
    properties = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
    core = openvino.Core()
    # The engine's name is its precision (engine_openvino.py). Without the hint, a processor with bfloat16 uses it.
    precision = core.import_model(blob, "CPU", {}).get_property("NETWORK_NAME")
    model = core.import_model(blob, "CPU", properties | {"INFERENCE_PRECISION_HINT": precision})
    request = model.create_infer_request()
    inputs = [tensor["name"] for tensor in config["input"]]
    outputs = [tensor["name"] for tensor in config["output"]]

    def infer(batch):
        result = request.infer(dict(zip(inputs, batch)), share_inputs=True, share_outputs=True)
        return [result[name] for name in outputs]

    _warm_up(infer, [model.input(name) for name in inputs])
    return infer


def _warm_up(infer, ports):
    """Infer once with every batch size, because OpenVINO prepares its kernels when a shape first appears."""
    sizes = [list(port.partial_shape) for port in ports]
    # Without a first axis that all inputs share there are no batches.
    if any(len(one) == 0 or one[0] != sizes[0][0] or any(axis.is_dynamic for axis in one[1:]) for one in sizes):
        return
    batch = sizes[0][0]
    for size in range(batch.get_min_length(), min(batch.get_max_length(), WARM_UP_LIMIT) + 1):
        infer(
            [
                np.zeros(
                    [size, *(axis.get_length() for axis in list(port.partial_shape)[1:])], port.element_type.to_dtype()
                )
                for port in ports
            ]
        )
