"""Triton: where its parts are, its life inside one job, model repositories, requests."""
