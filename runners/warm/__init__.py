"""Warm sandboxes: an interpreter that has imported what most programs import, and waits for a job.

`shapes` says which jobs can be given to one, `opening` which programs must not be, `idle` starts, fills and drops
single ones, `pool` keeps as many as the host has memory for.
"""
