"""Rules as data, and where a finding lies against them."""
