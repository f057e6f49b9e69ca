"""The model file: how the workflow finds it, and the one of the default run."""
