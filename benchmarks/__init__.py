"""How fast, beside what: `make bench`. Not part of the wheel."""
