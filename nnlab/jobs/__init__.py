"""From waiting runs to workers."""
