"""The configuration of a run: its models, and the checks that they pass before the first job."""

from plan.config.check import checked, problems
from plan.config.check_model import declared_by
from plan.config.whole import Config

__all__ = ["Config", "checked", "declared_by", "problems"]
