"""Engines: models compiled ahead of time for a target and a shape profile."""
