"""What OpenVINO says of a graph that it cannot take."""

from collections.abc import Mapping
from pathlib import Path


def fault(path: Path, shapes: Mapping[str, list[int]] | None = None) -> str:
    """Why OpenVINO cannot take a graph, or not with inputs of these shapes; empty when it can."""
    import openvino

    try:
        model = openvino.Core().read_model(path)
        if shapes:
            model.reshape({name: openvino.PartialShape(list(dims)) for name, dims in shapes.items()})
    except RuntimeError as error:
        return reason(error)
    return ""


def reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's message, which says what it misses; the others say where in its own code."""
    lines = [line.strip(" -\t") for line in str(error).splitlines()]
    return next((line for line in reversed(lines) if line), "no reason given")
