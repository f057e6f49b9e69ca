"""Engines: models compiled ahead of time for a target and a shape profile; what each reports about itself."""
