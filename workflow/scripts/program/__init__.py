"""What every script shares as a program: errors, logging, command line, files."""
