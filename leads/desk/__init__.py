"""The analyst's desk: inboxes, what comes back from them, field packs, and the desk of a team on PostGIS."""
