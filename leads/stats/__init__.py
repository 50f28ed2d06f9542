"""Numbers: what was observed, found, judged and done, by date."""
