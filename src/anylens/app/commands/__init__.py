"""One module a command: `options` says what can be typed, `run` does it and gives the exit code."""
