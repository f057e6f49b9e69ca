"""The configuration of a run: its models, and the checks that they pass before the first job."""

from plan.config.whole import Config

__all__ = ["Config"]
