"""Sample submissions: judged for real by `make demo`, and starter code on the contests' pages."""
