"""The Class page: assignments for students, classes and results for teachers."""
