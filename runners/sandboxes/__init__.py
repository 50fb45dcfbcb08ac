"""Sandboxes: how a host runs strangers' code. Standard library only.

`nsjail` is the embedded one: `launch`, `alive`, `cancel`, `outcome`, `reap` on a run directory. The program
that supervises a running sandbox is `runners.shim`.
"""
