"""Passes: algorithms of several kernels composed, so that light goes from state to state without leaving cache."""
