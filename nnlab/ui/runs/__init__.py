"""The Runs page: the table of runs and its filter."""
