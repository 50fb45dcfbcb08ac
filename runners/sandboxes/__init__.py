"""Sandboxes: how a host runs strangers' code. Standard library only.

`shims` has the verbs, the same for every sandbox and all on a run directory: `launch`, `alive`, `cancel`, `outcome`,
`reap`. A module for each kind says what differs; `nsjail` is the embedded one. The program that supervises a
running sandbox is `runners.shim`.
"""
