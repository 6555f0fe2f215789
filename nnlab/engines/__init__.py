"""What trains: one pass over the data, in NumPy or PyTorch."""
