"""The configuration: its shapes, its checks, its documentation."""
