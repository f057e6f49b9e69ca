"""Scores as a sequence of maps (zipmap), as scikit-learn's converter writes them by default."""

from onnx import TensorProto, helper
from trees import graph as trees

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [2]}],
        "outputs": [{"name": "label", "dtype": "INT64", "dims": []}, {"name": "maps", "dtype": "FP32", "dims": [2]}],
    },
    "profile": {"min": "x:1x2", "opt": "x:2x2", "max": "x:4x2"},
    "variants": ["onnx"],
}
REFUSED = (
    "model.onnx: maps is a sequence, and Triton has tensors alone. Hint: export without it: skl2onnx with "
    "options={id(model): {'zipmap': False}}"
)


def graph():
    result = trees()
    result.node.append(helper.make_node("ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]))
    of_map = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    del result.output[1:]
    result.output.append(helper.make_value_info("maps", helper.make_sequence_type_proto(of_map)))
    return result
