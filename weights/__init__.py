"""NUMBERS: the manifest of trained weights and the store that verifies them."""
