"""What results mean: scores, statistics, diagnosis."""
