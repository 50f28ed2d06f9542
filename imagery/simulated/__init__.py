"""A simulated steppe with planted violations, written as an ordinary archive with its truth beside it."""
