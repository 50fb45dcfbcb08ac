"""The runner agent: claims jobs of its pools, runs them in sandboxes, sends back facts and files."""
