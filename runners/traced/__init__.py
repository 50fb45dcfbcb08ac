"""Runs a contestant's program beside hidden data and says of its failure only what cannot carry that data far.

Standard library only: `program` runs inside the sandbox, `bundle` and `known` are imported by the site as well.
"""
