"""How the networks are trained: backgrounds, variants with planted changes, the loop, calibration."""
