"""Runtime for a TensorRT-RTX engine, on an NVIDIA GPU with a compute capability that it was built for."""

import numpy as np
import tensorrt_rtx_bindings as trt
import torch


class Logger(trt.ILogger):
    """Keeps the last error, because TensorRT's functions only return None."""

    def __init__(self):
        super().__init__()
        self.error = "no reason given"

    def log(self, severity, message):
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.error = message


def load(directory, config, threads, device):
    torch.cuda.set_device(device)
    logger = Logger()
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine((directory / "model.engine").read_bytes())
    if engine is None:
        raise RuntimeError(f"TensorRT-RTX {trt.__version__} cannot load this engine here: {logger.error}")
    inputs = [tensor["name"] for tensor in config["input"]]
    outputs = [tensor["name"] for tensor in config["output"]]
    dtypes = [torch.from_numpy(np.empty(0, trt.nptype(engine.get_tensor_dtype(name)))).dtype for name in outputs]
    stream = torch.cuda.Stream()
    contexts = [_context(engine, index, stream) for index in range(engine.num_optimization_profiles)]

    def infer(batch):
        with torch.cuda.stream(stream):
            context = contexts[_profile(engine, inputs, batch)]
            given = [torch.from_numpy(array).to(device) for array in batch]
            for name, tensor in zip(inputs, given):
                context.set_input_shape(name, tuple(tensor.shape))
            results = [
                torch.empty(tuple(context.get_tensor_shape(name)), dtype=dtype, device=device)
                for name, dtype in zip(outputs, dtypes)
            ]
            for name, tensor in zip([*inputs, *outputs], [*given, *results]):
                context.set_tensor_address(name, tensor.data_ptr())
            if not context.execute_async_v3(stream.cuda_stream):
                raise RuntimeError(f"TensorRT-RTX: {logger.error}")
            return [tensor.cpu().numpy() for tensor in results]

    infer.keeps = runtime, logger  # The engine needs both and does not keep them alive.
    return infer


def _context(engine, index, stream):
    """An execution context for one profile."""
    context = engine.create_execution_context()
    context.set_optimization_profile_async(index, stream.cuda_stream)
    return context


def _profile(engine, inputs, batch):
    """The index of the narrowest profile that these arrays fit. model.py refuses arrays that fit none."""
    admitting = []
    for index in range(engine.num_optimization_profiles):
        bounds = [engine.get_tensor_profile_shape(name, index) for name in inputs]
        if all(
            all(low <= size <= high for low, size, high in zip(lowest, array.shape, highest))
            for (lowest, _, highest), array in zip(bounds, batch)
        ):
            admitting.append((bounds[0][2][0], index))
    return min(admitting)[1]
