"""GPUs of a runner host: which there are, who has them leased, and whether they are clean. Standard library only."""
