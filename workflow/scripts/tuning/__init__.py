"""Searches: Model Analyzer's configuration and run, successive halving, what results say, the proof of the choice."""
