"""A graph whose batch is fixed at 1, described as if it were free."""

from fixed_batch import graph as graph

CONFIG = {
    "model": {
        "inputs": [{"name": "image", "dtype": "FP32", "dims": [3, 6, 6]}],
        "outputs": [{"name": "pooled", "dtype": "FP32", "dims": [3, 1, 1]}],
    },
    "profile": {"min": "image:1x3x6x6", "opt": "image:2x3x6x6", "max": "image:4x3x6x6"},
    "variants": ["onnx"],
}
REFUSED = (
    "model.inputs: image is FP32 [1, 3, 6, 6] in the graph (-1: free): its batch axis is fixed at 1. Hint: set "
    "model.batching to false and write complete dims, here [1, 3, 6, 6]; or export it with a free first axis"
)
