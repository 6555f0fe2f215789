"""What a class finds together: pure functions of the runs that its students hand in."""
