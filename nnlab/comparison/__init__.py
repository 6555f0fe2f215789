"""One knob or two, several values and seeds: runs, table, finding."""
