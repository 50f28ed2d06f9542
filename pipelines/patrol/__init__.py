"""The night patrol: what is new, looked at, reported, and never silently skipped."""
