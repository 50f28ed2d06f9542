"""A lead as papers that a person can read: the dossier and the drafts made from it."""
