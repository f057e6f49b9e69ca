"""Load and its figures: perf_analyzer's runs, and the points made of them."""
