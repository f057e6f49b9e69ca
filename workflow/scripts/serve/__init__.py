"""Triton: its installation, its life inside one job, model repositories, requests, and the variants."""
