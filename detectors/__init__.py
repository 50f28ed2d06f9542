"""CHANGED: one file per model; ``core`` holds what the models share."""
