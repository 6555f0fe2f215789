"""Experiments and comparisons that come with nnlab."""
