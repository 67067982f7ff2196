"""Validation sources: they run or read tests and say what happened to each."""
