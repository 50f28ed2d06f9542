"""SEEN: providers, scenes, and masked, harmonised mosaics with their provenance."""
