"""Readers of report formats: bytes in, a TestReport out; what they read is hostile text."""
