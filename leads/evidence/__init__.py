"""Evidence: what leads were made of and what became of them, in a chain of hashes."""
