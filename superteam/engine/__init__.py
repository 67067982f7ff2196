"""Performs what the core decides: the loop, the steps, the prompts."""
