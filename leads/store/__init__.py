"""The store: every lead with its facts, in SQLite or PostGIS."""
