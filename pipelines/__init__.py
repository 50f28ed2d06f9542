"""WHEN: Prefect flows, configuration and the command line."""
