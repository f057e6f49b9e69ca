"""Model Analyzer: its configuration, its run, what its results say, and the proof of the choice."""
