"""Contests in the public API: what organisers define, and who takes part."""
