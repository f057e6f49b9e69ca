"""Strings in a native backend."""

import strings

CONFIG = {**strings.CONFIG, "variants": ["null"], "serving": {"backend": "native"}}
REFUSED = "variants: null has no strings in C++, and word is BYTES. Hint: set serving.backend to python"
graph, example = strings.graph, strings.example
