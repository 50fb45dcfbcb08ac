"""The shim: a small stdlib program that supervises one sandbox and outlives the agent. See `__main__`."""
