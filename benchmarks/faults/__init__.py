"""Runs under random faults, on one machine: `python -m benchmarks.faults`."""
