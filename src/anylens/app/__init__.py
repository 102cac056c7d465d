"""The programs that people use: so far the command line."""
