"""The append-only log of a run, which is the truth, and the lock that lets one run a repository write."""
