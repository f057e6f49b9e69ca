"""What all scripts share: command line, errors, log, files, child processes."""
