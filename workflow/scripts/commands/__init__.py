"""What people type: each module is a program, `python -m commands.<name>`."""
