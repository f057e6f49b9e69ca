"""A model file that imports the files beside it, also a package with relative imports."""

from network.layers import WIDTH

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [4]}],
        "outputs": [{"name": "y", "dtype": "FP32", "dims": [WIDTH]}],
    },
    "profile": {"min": "x:1x4", "opt": "x:2x4", "max": "x:4x4"},
    "variants": ["torchscript", "pytriton"],
}


def build():
    from network import net

    return net()
