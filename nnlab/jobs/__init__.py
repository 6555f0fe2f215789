"""Workers and what they may train: limits, the dispatcher, the worker, the local cluster."""
