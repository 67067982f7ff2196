"""The documents that operators and scripts read; pure builders over the state of a run."""
