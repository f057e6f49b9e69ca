"""The report: what the figures say, in words, plots and one page."""
