"""Vocabulary and rules. Pure: no IO, no async, no clock, no randomness."""
