"""Leads and their outlines as files for other offices: tables, vectors, corner tables."""
