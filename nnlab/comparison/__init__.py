"""Comparisons: one setting or two, several values and seeds; their table and finding."""
